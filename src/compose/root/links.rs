//! Symbolic links that stand for directories: `/bin` may be `/usr/bin`.
//!
//! A package that ships `/bin/sh` puts it where the link of another package leads, as a real installation would.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::packages::Shipped;
use super::{Error, Package};
use crate::ids::TreePath;
use crate::ids::path::{DEEPEST, check_name};
use crate::tree::{Content, Leaf};

/// Links that may be followed for one path, as in Linux.
const MOST_HOPS: usize = 40;

/// Bytes of a path that Linux does not take any more.
pub const PATH_MAX: usize = 4096;

/// Every symbolic link of the packages, at the place where it really is.
#[derive(Default)]
pub struct DirectoryLinks {
    targets: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Directories looked up before: thousands of files share each.
    known: RefCell<BTreeMap<TreePath, TreePath>>,
    /// Where links lead that were followed before: a target is walked once, however many paths go through it.
    ends: RefCell<BTreeMap<Vec<u8>, Here>>,
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
                    .entry(links.place(path)?.as_bytes().to_vec())
                    .or_insert_with(|| (*target).clone());
            }
            if targets == links.targets {
                return Ok(links);
            }
            links = DirectoryLinks {
                targets,
                ..DirectoryLinks::default()
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
        match can_be(place.as_bytes(), place.names().count()) {
            true => Ok(place),
            false => Err(Error::TooDeep { path: path.clone() }),
        }
    }

    /// Where a directory really is.
    pub fn directory(&self, path: &TreePath) -> Result<TreePath, Error> {
        if let Some(known) = self.known.borrow().get(path) {
            return Ok(known.clone());
        }
        let walked = self.walk(Here::default(), path.names(), 0);
        let found = walked.map_err(|strayed| strayed.on_the_way_to(path))?;
        let found = TreePath::parse(found.path).map_err(|_| Strayed::Lost.on_the_way_to(path))?;
        let mut known = self.known.borrow_mut();
        known.insert(path.clone(), found.clone());
        Ok(found)
    }

    /// Goes on by some names, of which each may be a link; `within` counts the links whose targets these names are of.
    fn walk<'n>(
        &self,
        mut here: Here,
        names: impl Iterator<Item = &'n [u8]>,
        within: usize,
    ) -> Result<Here, Strayed> {
        for name in names {
            match name {
                b"" | b"." => continue,
                b".." => {
                    here.up();
                    continue;
                }
                name => here.down(name)?,
            }
            if let Some(target) = self.targets.get(&here.path) {
                let hops = here.hops;
                here = self.end(here, target, within)?;
                here.hops += hops;
                if here.hops > MOST_HOPS {
                    return Err(Strayed::Lost);
                }
            }
        }
        Ok(here)
    }

    /// Where a link leads, and by how many hops from itself.
    fn end(&self, link: Here, target: &[u8], within: usize) -> Result<Here, Strayed> {
        if let Some(end) = self.ends.borrow().get(&link.path) {
            return Ok(end.clone());
        }
        if within == MOST_HOPS {
            return Err(Strayed::Lost);
        }
        let mut start = Here::default();
        if !target.starts_with(b"/") {
            start = link.clone();
            start.up();
        }
        start.hops = 1;
        let end = self.walk(start, target.split(|&b| b == b'/'), within + 1)?;
        self.ends.borrow_mut().insert(link.path, end.clone());
        Ok(end)
    }
}

/// A directory that was come to: no name of it is a link.
#[derive(Clone, Default)]
struct Here {
    path: Vec<u8>,
    depth: usize,
    /// Links that were followed.
    hops: usize,
}

impl Here {
    fn up(&mut self) {
        let end = self.path.iter().rposition(|&b| b == b'/').unwrap_or(0);
        self.path.truncate(end);
        self.depth = self.depth.saturating_sub(1);
    }

    fn down(&mut self, name: &[u8]) -> Result<(), Strayed> {
        // A link's target may hold what no path can; nothing is below such a place.
        check_name(name).map_err(|_| Strayed::Lost)?;
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        self.depth += 1;
        match can_be(&self.path, self.depth) {
            true => Ok(()),
            false => Err(Strayed::TooDeep),
        }
    }
}

/// Why links lead nowhere.
enum Strayed {
    Lost,
    TooDeep,
}

impl Strayed {
    fn on_the_way_to(self, path: &TreePath) -> Error {
        let path = path.clone();
        match self {
            Strayed::Lost => Error::Lost { path },
            Strayed::TooDeep => Error::TooDeep { path },
        }
    }
}

/// Targets are no paths of packages, whose depth is checked as they are read; what recurses over trees relies on it.
fn can_be(place: &[u8], depth: usize) -> bool {
    place.len() < PATH_MAX && depth <= DEEPEST
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

    #[test]
    fn more_links_than_a_system_follows_are_an_error_however_they_are_met() {
        let chain = |last: usize| {
            let name = |number| (format!("/l{number}"), format!("l{}", number + 1));
            (1..=last).map(name).collect::<Vec<_>>()
        };
        let borrow = |chain: &[(String, String)]| {
            let pairs = chain.iter().map(|(path, target)| (&**path, &**target));
            links(&pairs.collect::<Vec<_>>()).unwrap()
        };
        let path = |text: &str| TreePath::parse(text).unwrap();
        let most = borrow(&chain(MOST_HOPS));
        assert_eq!(place(&most, "/l1/x"), "/l41/x");
        let more = borrow(&chain(MOST_HOPS + 1));
        assert!(more.place(&path("/l1/x")).is_err());
        // What is known of the rest of the way changes nothing.
        assert_eq!(place(&more, "/l2/x"), "/l42/x");
        assert!(more.place(&path("/l1/x")).is_err());
        let mut twice = chain(MOST_HOPS / 2 + 1);
        twice.push(("/both".to_owned(), "l1/../l1".to_owned()));
        assert!(borrow(&twice).place(&path("/both/x")).is_err());
    }

    #[test]
    fn a_long_way_is_gone_once_however_many_directories_lie_behind_it() {
        // Without a memory, each of these directories is some 60,000 names away.
        let round = "a/".repeat(200) + &"../".repeat(200);
        let target = |number| format!("{}l{}", round.repeat(5), number + 1);
        let targets: Vec<_> = (0..30).map(|n| (format!("/l{n}"), target(n))).collect();
        let all = targets.iter().map(|(path, target)| (&**path, &**target));
        let links = links(&all.collect::<Vec<_>>()).unwrap();
        for number in 0..20_000 {
            let place = place(&links, &format!("/l0/d{number}/f"));
            assert_eq!(place, format!("/l30/d{number}/f"));
        }
    }
}
