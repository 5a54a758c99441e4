//! What we read of real packages, against what rpm and cpio read of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use store::compose::Workspace;
use store::formats::rpm::header::text;
use store::formats::rpm::relations::Relation;
use store::formats::rpm::{
    Capabilities, Dependency, FileFlags, Header, Package, PackagedFile, Sense, capabilities,
};
use store::ids::{BlobId, Evr, TreePath};
use store::tree::{Content, Node, Visit, walk};

use crate::support::fixtures;
use crate::support::rpm::enter;
use crate::support::workspace::Memory;

/// Good packages with a payload that can be unpacked: all but delta RPMs.
fn packages() -> Vec<std::path::PathBuf> {
    let mut packages = fixtures::packages("rpms");
    packages.retain(|path| !fixtures::name(path).ends_with("drpm_test_file_1.rpm"));
    packages
}

const TAGS: [&str; 45] = [
    "NAME",
    "EPOCHNUM",
    "VERSION",
    "RELEASE",
    "ARCH",
    "SOURCERPM",
    "SUMMARY",
    "DESCRIPTION",
    "URL",
    "LICENSE",
    "VENDOR",
    "GROUP",
    "PACKAGER",
    "BUILDHOST",
    "BUILDTIME",
    "LONGSIZE",
    "FILENAMES",
    "FILEMODES",
    "FILEUSERNAME",
    "FILEGROUPNAME",
    "LONGFILESIZES",
    "FILEMTIMES",
    "FILEDIGESTS",
    "FILELINKTOS",
    "FILEFLAGS",
    "FILERDEVS",
    "FILECAPS",
    "FILECOLORS",
    "FILEINODES",
    "FILELANGS",
    "CHANGELOGTIME",
    "CHANGELOGNAME",
    "CHANGELOGTEXT",
    "MODULARITYLABEL",
    "PREIN",
    "PREINPROG",
    "POSTIN",
    "POSTINPROG",
    "PREUN",
    "POSTUN",
    "POSTTRANS",
    "PRETRANS",
    "VERIFYSCRIPT",
    "TRIGGERSCRIPTPROG",
    "FILETRIGGERSCRIPTPROG",
];

const KINDS: [(&str, Relation); 8] = [
    ("PROVIDE", Relation::Provides),
    ("REQUIRE", Relation::Requires),
    ("CONFLICT", Relation::Conflicts),
    ("OBSOLETE", Relation::Obsoletes),
    ("RECOMMEND", Relation::Recommends),
    ("SUGGEST", Relation::Suggests),
    ("SUPPLEMENT", Relation::Supplements),
    ("ENHANCE", Relation::Enhances),
];

/// Weak dependencies of packages from before rpm 4.12; a flag tells recommends from suggests.
const FORMER: [&str; 2] = ["OLDSUGGESTS", "OLDENHANCES"];
const STRONG: u64 = 1 << 27;

/// The values of tags, as rpm prints them; absent ones are `(none)`.
struct Answer(BTreeMap<String, Vec<Vec<u8>>>);

impl Answer {
    fn of(path: &Path) -> Answer {
        let mut tags: Vec<String> = TAGS.iter().map(|&tag| tag.to_owned()).collect();
        for kind in KINDS.iter().map(|(kind, _)| *kind).chain(FORMER) {
            tags.extend(["NAME", "VERSION", "FLAGS"].map(|part| format!("{kind}{part}")));
        }
        let format: String = tags
            .iter()
            .map(|tag| format!("[%{{{tag}}}\u{1e}]\u{1d}"))
            .collect();
        let output = Command::new("rpm")
            .args(["-qp", "--nosignature", "--qf", &format])
            .arg(path)
            .env("LC_ALL", "C")
            .output()
            .expect("rpm is installed");
        let values = output.stdout.split(|&byte| byte == 0x1d).map(|values| {
            let mut values: Vec<_> = values.split(|&b| b == 0x1e).map(<[u8]>::to_vec).collect();
            values.pop();
            values
        });
        Answer(tags.into_iter().zip(values).collect())
    }

    fn all(&self, tag: &str) -> &[Vec<u8>] {
        match self.0[tag].as_slice() {
            [only] if only == b"(none)" => &[],
            values => values,
        }
    }

    /// The only value, as text; empty if absent.
    fn one(&self, tag: &str) -> String {
        self.all(tag)
            .first()
            .map(|value| text(value))
            .unwrap_or_default()
    }

    fn at(&self, tag: &str, i: usize) -> &[u8] {
        self.all(tag).get(i).map_or(b"", Vec::as_slice)
    }

    fn number(&self, tag: &str, i: usize) -> u64 {
        let value = String::from_utf8_lossy(self.at(tag, i));
        value.parse().unwrap_or(0)
    }

    fn dependencies(&self, kind: &str) -> Vec<Dependency> {
        let strong = |kind: &str, wanted| {
            let all = self.listed(kind).into_iter();
            all.filter(move |(flags, _)| (flags & STRONG != 0) == wanted)
        };
        let mut all = self.listed(kind);
        match kind {
            "RECOMMEND" => all.extend(strong(FORMER[0], true)),
            "SUGGEST" => all.extend(strong(FORMER[0], false)),
            "SUPPLEMENT" => all.extend(strong(FORMER[1], true)),
            "ENHANCE" => all.extend(strong(FORMER[1], false)),
            _ => {}
        }
        all.into_iter().map(|(_, dependency)| dependency).collect()
    }

    fn listed(&self, kind: &str) -> Vec<(u64, Dependency)> {
        let names = self.all(&format!("{kind}NAME"));
        let dependency = |(i, name): (usize, &Vec<u8>)| {
            let flags = self.number(&format!("{kind}FLAGS"), i);
            let version = text(self.at(&format!("{kind}VERSION"), i));
            let sense = match flags & 0xe {
                0x2 => Some(Sense::Lt),
                0x4 => Some(Sense::Gt),
                0x8 => Some(Sense::Eq),
                0xa => Some(Sense::Le),
                0xc => Some(Sense::Ge),
                _ => None,
            };
            let name = text(name);
            let dependency = Dependency {
                version: sense.map(|sense| (sense, Evr::parse(&version))),
                pre: flags & 0x640 != 0,
                rpmlib: flags & 0x100_0000 != 0 || name.starts_with("rpmlib("),
                name,
            };
            (flags, dependency)
        };
        names.iter().enumerate().map(dependency).collect()
    }

    fn file(&self, i: usize) -> PackagedFile {
        let owner = |tag| match self.all(tag).len() {
            0 => "root".to_owned(),
            _ => text(self.at(tag, i)),
        };
        PackagedFile {
            path: self.at("FILENAMES", i).to_vec(),
            mode: self.number("FILEMODES", i) as u32,
            user: owner("FILEUSERNAME"),
            group: owner("FILEGROUPNAME"),
            mtime: self.number("FILEMTIMES", i) as i64,
            size: self.number("LONGFILESIZES", i),
            digest: text(self.at("FILEDIGESTS", i)),
            target: self.at("FILELINKTOS", i).to_vec(),
            rdev: self.number("FILERDEVS", i) as u32,
            inode: self.number("FILEINODES", i) as u32,
            flags: FileFlags(self.number("FILEFLAGS", i) as u32),
            capabilities: text(self.at("FILECAPS", i)),
            color: self.number("FILECOLORS", i) as u32,
            language: text(self.at("FILELANGS", i)),
        }
    }
}

fn read(path: &Path) -> Package {
    Package::read(&mut File::open(path).unwrap()).unwrap()
}

#[test]
fn rpm_reads_the_same_of_every_real_package() {
    for path in packages() {
        let name = fixtures::name(&path);
        let answer = Answer::of(&path);
        let Package { header, record } = read(&path);
        let (source, label) = (
            record.source_rpm.clone().unwrap_or_default(),
            record.modularity_label.clone().unwrap_or_default(),
        );
        let epoch = record.nevra.evr.epoch.to_string();
        let built = record.build_time.to_string();
        let size = record.installed_size.to_string();
        let said = [
            ("NAME", &record.nevra.name),
            ("EPOCHNUM", &epoch),
            ("VERSION", &record.nevra.evr.version),
            ("RELEASE", &record.nevra.evr.release),
            ("SOURCERPM", &source),
            ("SUMMARY", &record.summary),
            ("DESCRIPTION", &record.description),
            ("URL", &record.url),
            ("LICENSE", &record.license),
            ("VENDOR", &record.vendor),
            ("GROUP", &record.group),
            ("PACKAGER", &record.packager),
            ("BUILDHOST", &record.build_host),
            ("BUILDTIME", &built),
            ("LONGSIZE", &size),
            ("MODULARITYLABEL", &label),
        ];
        for (tag, ours) in said {
            let theirs = answer.one(tag);
            assert!(
                *ours == theirs || theirs.is_empty() && ours == "0",
                "{name}: {tag}: {ours:?} {theirs:?}"
            );
        }
        if !record.source {
            assert_eq!(record.nevra.arch, answer.one("ARCH"), "{name}");
        }
        for (kind, relation) in KINDS {
            let ours = match relation {
                Relation::Provides => record.provides.clone(),
                // A record has them under former tags too, as this judge does.
                Relation::Recommends => record.recommends.clone(),
                Relation::Suggests => record.suggests.clone(),
                Relation::Supplements => record.supplements.clone(),
                Relation::Enhances => record.enhances.clone(),
                _ => header.dependencies(relation).unwrap(),
            };
            let mut theirs = answer.dependencies(kind);
            if !header.has_region() && relation == Relation::Provides && theirs.len() > ours.len() {
                // rpm adds what the package provides of itself, though it may be there.
                theirs.pop();
            }
            assert_eq!(ours, theirs, "{name}: {kind}");
        }
        compare_files(&name, &header, &answer);
        compare_changelogs(&name, &record, &answer);
        compare_scriptlets(&name, &record, &answer);
    }
}

fn compare_files(name: &str, header: &Header, answer: &Answer) {
    let ours = header.files().unwrap();
    assert_eq!(ours.len(), answer.all("FILENAMES").len(), "{name}");
    for (i, ours) in ours.iter().enumerate() {
        assert_eq!(*ours, answer.file(i), "{name}");
    }
}

fn compare_changelogs(name: &str, record: &store::formats::rpm::Record, answer: &Answer) {
    let count = answer.all("CHANGELOGTIME").len().min(10);
    assert_eq!(record.changelogs.len(), count, "{name}");
    for (i, entry) in record.changelogs.iter().enumerate() {
        assert_eq!(
            entry.time as u64,
            answer.number("CHANGELOGTIME", i),
            "{name}"
        );
        assert_eq!(entry.author, text(answer.at("CHANGELOGNAME", i)), "{name}");
        assert_eq!(entry.text, text(answer.at("CHANGELOGTEXT", i)), "{name}");
    }
}

fn compare_scriptlets(name: &str, record: &store::formats::rpm::Record, answer: &Answer) {
    let ours = |kind: &str| record.scriptlets.iter().filter(|s| s.name == kind).count();
    for (kind, tag) in [
        ("pre", "PREIN"),
        ("post", "POSTIN"),
        ("pretrans", "PRETRANS"),
        ("posttrans", "POSTTRANS"),
        ("verify", "VERIFYSCRIPT"),
    ] {
        let theirs = !answer.all(tag).is_empty()
            || answer
                .0
                .get(&format!("{tag}PROG"))
                .is_some_and(|_| !answer.all(&format!("{tag}PROG")).is_empty());
        assert!(
            ours(kind) == usize::from(theirs) || !theirs,
            "{name}: {kind}"
        );
    }
    assert_eq!(
        ours("trigger"),
        answer.all("TRIGGERSCRIPTPROG").len(),
        "{name}"
    );
    assert_eq!(
        ours("filetrigger"),
        answer.all("FILETRIGGERSCRIPTPROG").len(),
        "{name}"
    );
}

/// Runs the payload through rpm2archive or rpm2cpio into a directory.
fn extract(path: &Path, target: &Path, long: bool) {
    let script = match long {
        true => "rpm2archive - < \"$1\" | tar -xzf - --no-same-owner --exclude='./dev/*'",
        false => "rpm2cpio \"$1\" | cpio -idm --quiet --no-absolute-filenames 2>/dev/null; true",
    };
    let status = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(fs::canonicalize(path).unwrap())
        .current_dir(target)
        .status()
        .unwrap();
    assert!(status.success(), "{}", path.display());
}

#[test]
fn cpio_unpacks_the_same_from_every_real_package() {
    for path in packages() {
        let name = fixtures::name(&path);
        let memory = Memory::default();
        let built = enter(&memory, fs::read(&path).unwrap());
        let output = built.unpack(&memory).outputs["out"].clone();
        let header = read(&path).header;
        let target = tempfile::tempdir().unwrap();
        extract(&path, target.path(), header.has(5008));
        let files: BTreeMap<Vec<u8>, PackagedFile> = header
            .files()
            .unwrap()
            .into_iter()
            .map(|file| {
                (
                    TreePath::parse(&file.path).unwrap().as_bytes().to_vec(),
                    file,
                )
            })
            .collect();
        let mut met = 0;
        let workspace: &dyn Workspace = &memory;
        let directory = |id| workspace.directory(id).map(|d| (*d).clone());
        let base = TreePath::parse("files").unwrap();
        let Some(Node::Directory(root)) = workspace.lookup(output.root, &base).unwrap() else {
            panic!("{name}: no files/");
        };
        walk(root, &directory, &mut |at, visit| {
            let file = files.get(at.as_bytes());
            met += usize::from(file.is_some());
            compare(&name, target.path(), at, &visit, file);
            Ok(())
        })
        .unwrap();
        let shipped = files
            .values()
            .filter(|f| !f.flags.has(FileFlags::GHOST))
            .count();
        let all = files.len();
        assert!(
            (shipped..=all).contains(&met),
            "{name}: {met} of {shipped} to {all}"
        );
        for group in &output.links {
            let inode = |path: &TreePath| {
                let path = String::from_utf8(path.as_bytes()[6..].to_vec()).unwrap();
                fs::symlink_metadata(target.path().join(path))
                    .unwrap()
                    .ino()
            };
            assert!(
                group.iter().all(|path| inode(path) == inode(&group[0])),
                "{name}: {group:?}"
            );
        }
    }
}

/// One path of ours beside what was extracted there.
fn compare(
    package: &str,
    target: &Path,
    at: &TreePath,
    visit: &Visit<'_>,
    file: Option<&PackagedFile>,
) {
    use std::os::unix::ffi::OsStrExt;
    let place = target.join(std::ffi::OsStr::from_bytes(at.as_bytes()));
    let real = fs::symlink_metadata(&place);
    let Some(file) = file else {
        assert!(matches!(visit, Visit::Directory { .. }), "{package}: {at}");
        return;
    };
    let meta = match visit {
        Visit::Directory { meta, .. } => *meta,
        Visit::Leaf(leaf) => &leaf.meta,
    };
    // Linux gives every symbolic link all permissions, whatever its package says.
    let mode = match real.as_ref().is_ok_and(|real| real.is_symlink()) {
        true => 0o777,
        false => file.mode & 0o7777,
    };
    assert_eq!(
        (meta.mode, meta.mtime),
        (mode, Some(file.mtime)),
        "{package}: {at}"
    );
    let attribute = meta.xattrs.get(capabilities::ATTRIBUTE);
    assert_eq!(
        attribute.is_some(),
        !file.capabilities.is_empty(),
        "{package}: {at}"
    );
    if let Some(attribute) = attribute {
        let wanted = Capabilities::parse(&file.capabilities).unwrap();
        assert_eq!(Capabilities::from_attribute(attribute), Some(wanted));
    }
    // Devices and sockets need more rights than a test has.
    let real = match (&visit, real) {
        (Visit::Leaf(leaf), Err(_)) if !matches!(leaf.content, Content::File { .. }) => return,
        (_, real) => real.unwrap_or_else(|error| panic!("{package}: {at}: {error}")),
    };
    match visit {
        Visit::Directory { .. } => assert!(real.is_dir(), "{package}: {at}"),
        Visit::Leaf(leaf) => match &leaf.content {
            Content::File { size, blob } => {
                assert_eq!(*size, real.len(), "{package}: {at}");
                // A file that its mode forbids to read can't be compared by who is not root.
                let _ = fs::set_permissions(&place, fs::Permissions::from_mode(0o600));
                let mut bytes = Vec::new();
                File::open(&place).unwrap().read_to_end(&mut bytes).unwrap();
                assert_eq!(*blob, BlobId::of(&bytes), "{package}: {at}");
            }
            Content::Symlink { target } => {
                assert_eq!(
                    fs::read_link(&place).unwrap().as_os_str().as_bytes(),
                    target
                );
            }
            Content::Character { major, minor } => {
                assert!(real.file_type().is_char_device(), "{package}: {at}");
                let rdev = real.rdev();
                assert_eq!(
                    (rdev >> 8 & 0xfff, rdev & 0xff),
                    ((*major).into(), (*minor).into())
                );
            }
            Content::Block { .. } => assert!(real.file_type().is_block_device()),
            Content::Fifo => assert!(real.file_type().is_fifo()),
            Content::Socket => assert!(real.file_type().is_socket()),
        },
    }
}
