//! Symbolic links that stand for directories: `/bin` may be `/usr/bin`.
//!
//! A package that ships `/bin/sh` puts it where the link of another package leads, as a real installation would.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::packages::Shipped;
use super::{Error, Package};
use crate::ids::TreePath;
use crate::ids::path::DEEPEST;
use crate::tree::{Content, Leaf};

/// Links that may be followed for one path, as in Linux.
const MOST_HOPS: usize = 40;

/// Bytes of a path that Linux does not take any more.
pub const PATH_MAX: usize = 4096;

/// Every symbolic link of the packages, at the place where it really is.
#[derive(Default)]
pub struct DirectoryLinks {
    targets: BTreeMap<TreePath, Vec<u8>>,
    /// Directories looked up before: thousands of files share each.
    known: RefCell<BTreeMap<TreePath, TreePath>>,
}

impl DirectoryLinks {
    pub fn gather(packages: &[Package]) -> Result<Self, Error> {
        let mut spelled = Vec::new();
        for file in packages.iter().flat_map(|package| &package.files) {
            if let Some(Shipped::Leaf(Leaf {
                content: Content::Symlink { target },
                ..
            })) = &file.shipped
            {
                spelled.push((&file.path, target));
            }
        }
        Self::settle(&spelled)
    }

    /// A link may itself lie behind links, so their places are looked up until none moves any more.
    fn settle(spelled: &[(&TreePath, &Vec<u8>)]) -> Result<Self, Error> {
        let mut links = DirectoryLinks::default();
        for _ in 0..MOST_HOPS {
            let mut targets = BTreeMap::new();
            for (path, target) in spelled {
                targets
                    .entry(links.place(path)?)
                    .or_insert_with(|| (*target).clone());
            }
            if targets == links.targets {
                return Ok(links);
            }
            links = DirectoryLinks {
                targets,
                known: RefCell::default(),
            };
        }
        Err(Error::Lost {
            path: TreePath::root(),
        })
    }

    /// Where a path really is: links on the way are followed, the last name is not.
    pub fn place(&self, path: &TreePath) -> Result<TreePath, Error> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(TreePath::root());
        };
        let parent = self.directory(&parent)?;
        let place = parent.join(name).expect("a name of a path is a name");
        match can_be(&place) {
            true => Ok(place),
            false => Err(Error::TooDeep { path: path.clone() }),
        }
    }

    /// Where a directory really is.
    pub fn directory(&self, path: &TreePath) -> Result<TreePath, Error> {
        if let Some(known) = self.known.borrow().get(path) {
            return Ok(known.clone());
        }
        let found = self.follow(path)?;
        let mut known = self.known.borrow_mut();
        known.insert(path.clone(), found.clone());
        Ok(found)
    }

    fn follow(&self, path: &TreePath) -> Result<TreePath, Error> {
        let lost = || Error::Lost { path: path.clone() };
        let mut ahead: Vec<&[u8]> = path.names().rev().collect();
        let mut here = TreePath::root();
        let mut hops = 0;
        while let Some(name) = ahead.pop() {
            match name {
                b"" | b"." => continue,
                b".." => {
                    here = here.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            // A link's target may hold what no path can; nothing is below such a place.
            let next = here.join(name).map_err(|_| lost())?;
            if !can_be(&next) {
                return Err(Error::TooDeep { path: path.clone() });
            }
            match self.targets.get(&next) {
                None => here = next,
                Some(target) => {
                    hops += 1;
                    if hops > MOST_HOPS {
                        return Err(lost());
                    }
                    if target.starts_with(b"/") {
                        here = TreePath::root();
                    }
                    ahead.extend(target.split(|&b| b == b'/').rev());
                }
            }
        }
        Ok(here)
    }
}

/// Targets are no paths of packages, whose depth is checked as they are read; what recurses over trees relies on it.
fn can_be(place: &TreePath) -> bool {
    place.as_bytes().len() < PATH_MAX && place.names().nth(DEEPEST).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(links: &[(&str, &str)]) -> Result<DirectoryLinks, Error> {
        let links: Vec<(TreePath, Vec<u8>)> = links
            .iter()
            .map(|(path, target)| (TreePath::parse(path).unwrap(), target.as_bytes().to_vec()))
            .collect();
        let borrowed: Vec<_> = links.iter().map(|(path, target)| (path, target)).collect();
        DirectoryLinks::settle(&borrowed)
    }

    fn place(links: &DirectoryLinks, path: &str) -> String {
        links
            .place(&TreePath::parse(path).unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn links_on_the_way_are_followed_and_the_last_name_is_not() {
        let links = links(&[
            ("/bin", "usr/bin"),
            ("/usr/tmp", "../var/tmp"),
            ("/var/tmp", "/tmp/./x"),
            ("/up", "../../etc"),
        ])
        .unwrap();
        assert_eq!(place(&links, "/bin/sh"), "/usr/bin/sh");
        assert_eq!(place(&links, "/bin"), "/bin");
        assert_eq!(place(&links, "/usr/tmp/a/b"), "/tmp/x/a/b");
        assert_eq!(place(&links, "/up/passwd"), "/etc/passwd");
    }

    #[test]
    fn a_link_behind_a_link_is_found_where_it_is() {
        let links = links(&[("/lib", "usr/lib"), ("/lib/a", "b"), ("/z", "lib/a")]).unwrap();
        assert_eq!(place(&links, "/usr/lib/a/x"), "/usr/lib/b/x");
        assert_eq!(place(&links, "/z/x"), "/usr/lib/b/x");
    }

    #[test]
    fn a_circle_is_an_error_only_for_who_goes_through_it() {
        let links = links(&[("/a", "b"), ("/b", "a")]).unwrap();
        assert_eq!(place(&links, "/a"), "/a");
        assert!(links.place(&TreePath::parse("/a/x").unwrap()).is_err());
    }

    #[test]
    fn links_lead_no_deeper_than_a_path_may_be() {
        let (deep, long) = ("d/".repeat(255), "n".repeat(255) + "/");
        let all = [("/deep", &*deep), ("/long", &*long.repeat(15))];
        let links = links(&all).unwrap();
        let place = |path: &str| links.place(&TreePath::parse(path).unwrap());
        assert!(place("/deep/x").is_ok() && place("/long/x").is_ok());
        for path in ["/deep/x/y", &format!("/long/{long}/x")] {
            let error = place(path).unwrap_err();
            assert!(matches!(error, Error::TooDeep { .. }), "{error}");
        }
    }
}
