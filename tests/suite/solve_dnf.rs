//! Install lists over CentOS Stream 9, with dnf as the judge.
//!
//! The table `solve_dnf.md` has one row for each list. `cargo test --test suite -- --ignored writes_the_table`
//! asks dnf for all of them and writes it anew; the suite holds our answers against some rows of it.
//! `--ignored dnf_agrees_about` asks dnf for lists that nobody wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use store::formats::modulemd::{self, Document, Module};
use store::formats::repodata::{Primary, Repomd, owners};
use store::formats::rpm::Solvable;
use store::ids::BlobId;
use store::plan::solve::{Candidate, Modularity, Question, Request, paths, solve};

use crate::support::fixtures;

/// What is installed, whether with weak dependencies, and from which streams of modules.
struct List {
    install: &'static [&'static str],
    weak: bool,
    streams: &'static [&'static str],
    /// Why our answer is as right, where dnf has another one.
    differs: Option<&'static str>,
}

const fn list(install: &'static [&'static str], weak: bool) -> List {
    List {
        install,
        weak,
        streams: &[],
        differs: None,
    }
}

const fn modular(install: &'static [&'static str], streams: &'static [&'static str]) -> List {
    List {
        install,
        weak: true,
        streams,
        differs: None,
    }
}

const WEAK: bool = true;
const STRICT: bool = false;

const LISTS: &[List] = &[
    list(&["bash"], STRICT),
    list(&["bash"], WEAK),
    list(&["systemd"], WEAK),
    list(&["kernel"], STRICT),
    list(&["dnf"], WEAK),
    list(&["firefox"], STRICT),
    list(&["firefox"], WEAK),
    list(&["httpd"], WEAK),
    list(&["nginx"], WEAK),
    list(&["python3"], WEAK),
    list(&["gcc"], WEAK),
    list(&["git"], STRICT),
    list(&["git"], WEAK),
    list(&["vim-enhanced"], WEAK),
    list(&["podman"], STRICT),
    list(&["podman"], WEAK),
    list(&["emacs"], WEAK),
    list(&["ruby"], WEAK),
    list(&["golang"], WEAK),
    list(&["rust", "cargo"], WEAK),
    list(&["java-17-openjdk"], WEAK),
    list(&["mariadb-server"], WEAK),
    list(&["bash", "systemd", "kernel", "dnf"], STRICT),
    list(&["bash", "systemd", "kernel", "dnf"], WEAK),
    list(&["httpd", "mod_ssl", "php"], STRICT),
    list(&["gcc", "gcc-c++", "make"], STRICT),
    list(&["podman", "buildah", "skopeo"], STRICT),
    list(
        &["NetworkManager", "chrony", "openssh-server", "sudo"],
        WEAK,
    ),
    list(&["kernel", "grub2-efi-x64", "shim-x64", "dracut"], STRICT),
    list(&["gdm", "gnome-shell"], STRICT),
    list(&["xorg-x11-server-Xorg"], WEAK),
    list(&["libreoffice-writer"], STRICT),
    list(&["texlive-base"], WEAK),
    list(&["glibc.i686"], STRICT),
    list(&["libstdc++.i686"], WEAK),
    list(&["mesa-libGL.i686"], WEAK),
    list(&["bash.x86_64", "libgcc.i686", "zlib.i686"], STRICT),
    list(&["gtk3.i686"], STRICT),
    list(&["/usr/bin/vim"], WEAK),
    list(&["/usr/sbin/httpd"], STRICT),
    list(&["/usr/bin/python3"], STRICT),
    list(&["/usr/share/licenses/bash/COPYING"], STRICT),
    list(&["/etc/passwd"], WEAK),
    list(&["libssl.so.3()(64bit)"], STRICT),
    list(&["python3dist(requests)"], STRICT),
    list(&["perl(Carp) >= 1.50"], STRICT),
    list(&["pkgconfig(zlib) >= 1.2"], STRICT),
    list(&["glibc-langpack"], STRICT),
    list(&["webserver"], STRICT),
    list(&["nosuch"], STRICT),
    list(&["redhat-rpm-config"], WEAK),
    list(&["rpm-build"], STRICT),
    list(&["ansible-core"], WEAK),
    list(&["cockpit"], WEAK),
    list(&["mysql-server", "mariadb-server"], STRICT),
    list(&["nodejs"], WEAK),
    list(&["postgresql-server"], WEAK),
    modular(&["nodejs"], &["nodejs:20"]),
    modular(&["nodejs", "npm"], &["nodejs:22"]),
    modular(&["php", "php-fpm"], &["php:8.2"]),
    modular(&["postgresql-server"], &["postgresql:16"]),
    modular(&["nginx"], &["nginx:1.24"]),
    modular(&["ruby"], &["ruby:3.1"]),
    modular(&["maven"], &["maven:3.8"]),
    modular(&["mariadb-server"], &["mariadb:10.11"]),
    // What chance found once: a language pack that a supplement speaks for, one Java where several would do,
    // packages that were renamed, a capability that has a package of its name, and what is there for i686 only.
    list(&["bash", "langpacks-ro"], STRICT),
    list(&["bluez", "langpacks-eu"], WEAK),
    list(&["jaxb-api"], WEAK),
    list(&["jaxb-api4"], WEAK),
    list(&["idm-tomcatjss"], STRICT),
    list(&["python3-pki"], STRICT),
    list(&["pki-tools"], STRICT),
    list(&["qemu-kvm-hw-usbredir", "mesa-libGL"], STRICT),
    list(&["gnome-control-center"], STRICT),
    list(&["llvm-googletest(x86-32)"], STRICT),
    List {
        differs: Some(
            "no: of libreport-web only the package for i686 can be installed, which dnf takes; we say what the other lacks",
        ),
        ..list(&["libreport-web"], STRICT)
    },
];

/// Rows that every run of the suite holds against the table: one of each sort.
const SAMPLE: &[usize] = &[2, 7, 34, 42, 50, 59, 66, 70, 74, 75];

const REPOSITORIES: [&str; 2] = [
    "repos/centos-stream9-osbuild/appstream",
    "repos/centos-baseos-imagebuilder",
];

/// All packages of both repositories.
struct Universe {
    folders: Vec<PathBuf>,
    solvables: Vec<Solvable>,
    documents: Vec<Document>,
}

/// One metadata file, opened and verified while it is read.
fn opened(folder: &Path, kind: &str) -> Option<impl std::io::Read + use<>> {
    let document = std::fs::read(folder.join("repodata/repomd.xml")).unwrap();
    let repomd = Repomd::read(&document).unwrap();
    let reference = repomd.get(kind)?;
    let file = File::open(folder.join(&reference.href)).unwrap();
    Some(reference.open(file).unwrap())
}

impl Universe {
    fn read() -> Option<Universe> {
        let folders: Vec<PathBuf> = REPOSITORIES
            .iter()
            .map(|name| fixtures::folder(name))
            .collect::<Option<_>>()?;
        let mut universe = Universe {
            folders,
            solvables: Vec::new(),
            documents: Vec::new(),
        };
        for folder in &universe.folders {
            let packages = Primary::new("primary.xml", opened(folder, "primary").unwrap());
            universe
                .solvables
                .extend(packages.map(|package| package.unwrap().solvable));
            if let Some(mut modules) = opened(folder, "modules") {
                let mut text = String::new();
                modules.read_to_string(&mut text).unwrap();
                universe.documents.extend(modulemd::read(&text).unwrap());
            }
        }
        assert_eq!(universe.solvables.len(), 17_649 + 1_125);
        let is_module = |one: &&Document| matches!(one, Document::Module { .. });
        assert_eq!(universe.documents.iter().filter(is_module).count(), 31);
        Some(universe)
    }

    /// What we would install; `None` where we say that it can't be.
    fn answer(&self, list: &List) -> Option<BTreeSet<String>> {
        let chosen: BTreeMap<String, String> = list
            .streams
            .iter()
            .map(|stream| stream.split_once(':').unwrap())
            .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
            .collect();
        let modularity = Modularity::new(&self.documents, &chosen, "el9");
        assert_eq!(modularity.refused, []);
        let visible: Vec<&Solvable> = self
            .solvables
            .iter()
            .filter(|solvable| !modularity.hides(solvable))
            .collect();
        let candidates = visible.iter().map(|&solvable| Candidate {
            solvable,
            module: None,
        });
        let mut question = Question {
            packages: candidates.collect(),
            install: list.install.iter().map(|one| Request::new(*one)).collect(),
            arch: "x86_64".to_owned(),
            weak: list.weak,
            owners: BTreeMap::new(),
        };
        loop {
            let wanted = paths(&question);
            if wanted.is_empty() {
                break;
            }
            question.owners.extend(self.owners(&question, &wanted));
        }
        let solution = solve(&question).ok()?;
        let chosen = solution.packages.iter();
        Some(
            chosen
                .map(|&place| visible[place].nevra.to_string())
                .collect(),
        )
    }

    /// Who owns these paths, as places in the question.
    fn owners(
        &self,
        question: &Question,
        wanted: &BTreeSet<Vec<u8>>,
    ) -> BTreeMap<Vec<u8>, Vec<usize>> {
        let places: BTreeMap<&str, usize> = question
            .packages
            .iter()
            .enumerate()
            .map(|(place, one)| (one.solvable.digest.hex.as_str(), place))
            .collect();
        let mut all: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        // Those of the other repository are a stub without packages, and not even the one that is stated.
        for folder in &self.folders[1..] {
            let lists = opened(folder, "filelists").unwrap();
            for (path, ids) in owners("filelists.xml", lists, wanted).unwrap() {
                let known = ids.iter().filter_map(|id| places.get(id.as_str()));
                all.entry(path).or_default().extend(known);
            }
        }
        all
    }

    /// What dnf would install for lists that share weak dependencies and streams.
    fn dnf(&self, lists: &[&List]) -> Vec<Option<BTreeSet<String>>> {
        let work = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/support/dnf_solve.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(work.path())
            .args([
                "x86_64",
                if lists[0].weak { "weak" } else { "strict" },
                "el9",
            ])
            .arg(lists[0].streams.join(","))
            .args(self.folders.iter().map(|one| one.canonicalize().unwrap()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("dnf's Python is installed");
        let mut stdin = child.stdin.take().unwrap();
        for list in lists {
            writeln!(stdin, "{}", list.install.join("\t")).unwrap();
        }
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "dnf failed");
        let answers: Vec<_> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let all = line.split_whitespace().map(str::to_owned).collect();
                (line != "FAILED").then_some(all)
            })
            .collect();
        assert_eq!(answers.len(), lists.len());
        answers
    }

    /// Asks dnf for all lists, those together that it can answer together: their places, and its answers.
    fn asked_together(
        &self,
        lists: &[List],
    ) -> impl Iterator<Item = (Vec<usize>, Vec<Option<BTreeSet<String>>>)> {
        let mut groups: BTreeMap<(bool, &[&str]), Vec<usize>> = BTreeMap::new();
        for (place, list) in lists.iter().enumerate() {
            groups
                .entry((list.weak, list.streams))
                .or_default()
                .push(place);
        }
        groups.into_values().map(|places| {
            let together: Vec<&List> = places.iter().map(|&place| &lists[place]).collect();
            let answers = self.dnf(&together);
            (places, answers)
        })
    }

    /// Fails where dnf gives another answer than we.
    fn is_agreed_with(&self, lists: &[List]) {
        let (mut agreed, mut none, mut different) = (0, 0, Vec::new());
        for (places, answers) in self.asked_together(lists) {
            for (place, theirs) in places.into_iter().zip(answers) {
                let (list, ours) = (&lists[place], self.answer(&lists[place]));
                if ours == theirs {
                    agreed += 1;
                    none += usize::from(ours.is_none());
                } else {
                    different.push(difference(list, ours.as_ref(), theirs.as_ref()));
                }
            }
        }
        println!("{agreed} agreed, {none} of them that it can't be");
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

/// The cells of a row that say what was asked and what we answer.
fn row(number: usize, list: &List, answer: Option<&BTreeSet<String>>) -> String {
    let weak = if list.weak { "yes" } else { "no" };
    let mut asked: Vec<String> = list.install.iter().map(|one| format!("`{one}`")).collect();
    asked.extend(list.streams.iter().map(|one| format!("with {one}")));
    let (count, set) = match answer {
        None => ("none".to_owned(), "–".to_owned()),
        Some(all) => {
            let text: Vec<&str> = all.iter().map(String::as_str).collect();
            let hash = BlobId::of(text.join("\n").as_bytes()).to_string();
            (all.len().to_string(), hash[..12].to_owned())
        }
    };
    format!(
        "| {number} | {} | {weak} | {count} | {set} |",
        asked.join(", ")
    )
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/solve_dnf.md")
}

#[test]
fn answers_are_those_that_dnf_agreed_with() {
    let Some(universe) = Universe::read() else {
        return;
    };
    let table = std::fs::read_to_string(table()).unwrap();
    for &number in SAMPLE {
        let list = &LISTS[number - 1];
        let row = row(number, list, universe.answer(list).as_ref());
        assert!(
            table.lines().any(|line| line.starts_with(&row)),
            "the table has no row that begins with\n{row}"
        );
    }
}

#[test]
#[ignore = "asks dnf for every list, which takes minutes"]
fn writes_the_table() {
    let universe = Universe::read().expect("the fixtures are there");
    let mut rows: BTreeMap<usize, String> = BTreeMap::new();
    let mut unexplained = Vec::new();
    for (places, answers) in universe.asked_together(LISTS) {
        for (place, theirs) in places.into_iter().zip(answers) {
            let list = &LISTS[place];
            let ours = universe.answer(list);
            let agrees = match (ours == theirs, list.differs) {
                (true, None) => "yes",
                (false, Some(why)) => why,
                _ => {
                    unexplained.push(difference(list, ours.as_ref(), theirs.as_ref()));
                    "no"
                }
            };
            let row = row(place + 1, list, ours.as_ref());
            rows.insert(place, format!("{row} {agrees} |\n"));
        }
    }
    let mut text = String::from(HEADING);
    rows.values().for_each(|row| text.push_str(row));
    std::fs::write(table(), text).unwrap();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// How many lists chance chooses, where it is told.
const CHANCE: &str = "STORE_SOLVE_LISTS";

#[expect(clippy::disallowed_methods, reason = "a longer run is asked for")]
fn count() -> usize {
    std::env::var(CHANCE).map_or(100, |count| count.parse().unwrap())
}

/// What chance may not ask for, since our answer is another one and as right.
const EXCUSED: &[(&str, &str)] = &[(
    "libreport-web",
    "what it requires is not there for x86_64: we say so, dnf takes the one for i686",
)];

/// The `number`th list that chance chose: one to four names, a capability every fourth time,
/// with weak dependencies every other time.
fn chance(number: usize, names: &[&'static str], capabilities: &[&'static str]) -> List {
    let bytes = *BlobId::of(format!("list {number}").as_bytes()).0.as_bytes();
    let (count, picks) = (1 + usize::from(bytes[0] % 4), bytes[1..].chunks_exact(4));
    let install: Vec<&str> = picks
        .map(|pick| u32::from_le_bytes(pick.try_into().unwrap()) as usize)
        .map(|pick| match pick % 4 {
            0 => capabilities[pick / 4 % capabilities.len()],
            _ => names[pick / 4 % names.len()],
        })
        .filter(|name| EXCUSED.iter().all(|(excused, _)| excused != name))
        .take(count)
        .collect();
    list(install.leak(), number % 2 == 1)
}

#[test]
#[ignore = "asks dnf for a hundred lists, or for as many as $STORE_SOLVE_LISTS says"]
fn dnf_agrees_about_lists_that_chance_chose() {
    let universe = Universe::read().expect("the fixtures are there");
    let universe: &Universe = Box::leak(Box::new(universe));
    let names = universe.solvables.iter().map(|one| one.nevra.name.as_str());
    let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
    let provides = universe.solvables.iter().flat_map(|one| &one.provides);
    let capabilities = provides.map(|one| one.name.as_str());
    // To dnf some signs are patterns. What a kernel provides is nine of ten, and asked for by nobody:
    // dnf takes the one for debugging, by an order that only its cache has.
    let of_a_kernel = |name: &str| {
        let mut kinds = ["kernel(", "kmod(", "modalias("].iter();
        kinds.any(|kind| name.starts_with(kind))
    };
    let usual = |name: &&str| !name.contains([' ', '*', '?', '[']) && !of_a_kernel(name);
    let capabilities: BTreeSet<&str> = capabilities.filter(usual).collect();
    let capabilities: Vec<&str> = capabilities.into_iter().collect();
    let lists = (0..count()).map(|number| chance(number, &names, &capabilities));
    universe.is_agreed_with(&lists.collect::<Vec<_>>());
}

/// The `number`th list that chance chose of modules: one or two streams, and one to three names,
/// most of them of packages that some stream of these modules has.
fn chance_of_modules(number: usize, streams: &[&'static Module], names: &[&'static str]) -> List {
    let bytes = *BlobId::of(format!("modules {number}").as_bytes())
        .0
        .as_bytes();
    let mut picks = bytes.chunks_exact(4);
    let mut pick = || u32::from_le_bytes(picks.next().unwrap().try_into().unwrap()) as usize;
    let mut chosen: BTreeMap<&str, &Module> = BTreeMap::new();
    for _ in 0..1 + pick() % 2 {
        let stream = streams[pick() % streams.len()];
        chosen.entry(&stream.name).or_insert(stream);
    }
    let of_any_stream = streams.iter().filter(|one| chosen.contains_key(&*one.name));
    let artifacts = of_any_stream.flat_map(|one| &one.artifacts);
    let binary = artifacts.filter(|one| !one.ends_with("src") && !one.contains("-debug"));
    let in_modules = binary.filter_map(|one| one.rsplitn(3, '-').nth(2));
    let in_modules: Vec<&str> = in_modules.collect::<BTreeSet<_>>().into_iter().collect();
    let count = 1 + pick() % 3;
    let install: Vec<&str> = (0..count)
        .map(|_| pick())
        .map(|pick| match pick % 4 {
            0 => names[pick / 4 % names.len()],
            _ => in_modules[pick / 4 % in_modules.len()],
        })
        .collect();
    let chosen: Vec<&str> = chosen
        .values()
        .map(|one| &*one.name_stream().leak())
        .collect();
    List {
        streams: chosen.leak(),
        ..list(install.leak(), number % 2 == 1)
    }
}

#[test]
#[ignore = "asks dnf for a hundred lists, or for as many as $STORE_SOLVE_LISTS says"]
fn dnf_agrees_about_streams_that_chance_chose() {
    let universe: &Universe =
        Box::leak(Box::new(Universe::read().expect("the fixtures are there")));
    let streams = universe.documents.iter().filter_map(|one| match one {
        Document::Module { module, .. } => Some(&**module),
        _ => None,
    });
    let streams: Vec<&Module> = streams.collect();
    let names = universe.solvables.iter().map(|one| one.nevra.name.as_str());
    let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
    let lists = (0..count()).map(|number| chance_of_modules(number, &streams, &names));
    universe.is_agreed_with(&lists.collect::<Vec<_>>());
}

const HEADING: &str = "\
# Install lists, judged by dnf

CentOS Stream 9: AppStream (17,649 packages, with its modules) and a BaseOS of 1,125 packages, on x86_64.
Each list is installed into an empty system. `none` means that both say it can't be;
`set` is the beginning of the BLAKE3 of the NEVRAs, so that an answer that moves is seen.
Written by the test `writes_the_table` in `solve_dnf.rs`.

| | asked for | weak | packages | set | dnf agrees |
|---|---|---|---|---|---|
";

fn difference(
    list: &List,
    ours: Option<&BTreeSet<String>>,
    theirs: Option<&BTreeSet<String>>,
) -> String {
    let mut text = format!("{:?} {} {:?}: ", list.install, list.weak, list.streams);
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let _ = write!(
                text,
                "only ours {:?}, only theirs {:?}",
                ours.difference(theirs).collect::<Vec<_>>(),
                theirs.difference(ours).collect::<Vec<_>>()
            );
        }
        (ours, theirs) => {
            let _ = write!(
                text,
                "ours {:?}, theirs {:?}",
                ours.map(BTreeSet::len),
                theirs.map(BTreeSet::len)
            );
        }
    }
    text
}
