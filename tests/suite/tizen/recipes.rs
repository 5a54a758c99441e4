//! Recipes over the 499 packages of a real distribution: modules, two editions, an atomic host.
//!
//! The folder holds most of a distribution, not all of it.
//! What its packages need and it lacks is provided by one package that a recipe makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use store::formats::rpm::Record;

/// Every recipe that makes something.
pub const ARTIFACTS: [&str; 9] = [
    "accelerator",
    "applications",
    "atomic-host",
    "base",
    "connectivity",
    "development",
    "graphics",
    "server",
    "workstation",
];

/// What the host is to hold; the rest follows from dependencies.
const HOST: [&str; 30] = [
    "attr",
    "bash",
    "bc",
    "ca-certificates",
    "coreutils",
    "cpio",
    "dbus",
    "diffutils",
    "elfutils",
    "elsewhere",
    "file",
    "filesystem",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "identifier",
    "kmod",
    "net-tools",
    "pam",
    "placeholder-kernel",
    "psmisc",
    "sed",
    "setup",
    "tar",
    "tizen-release",
    "tzdata",
    "unzip",
    "util-linux",
    "which",
];

/// Where a package belongs, by its name.
pub fn module_of(name: &str) -> &'static str {
    let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
    let is_devel = ["-devel", "-proto-", "-devel-static", "-dev"];
    let has = |part: &[&str]| part.iter().any(|part| name.contains(part));
    if name.ends_with("-x86-arm") {
        "accelerator"
    } else if has(&is_devel)
        || begins(&[
            "bison",
            "build",
            "check",
            "flex",
            "gettext",
            "gperf",
            "intltool",
            "m4",
            "perl-",
            "python",
            "rpm-build",
        ])
    {
        "development"
    } else if begins(&[
        "bluetooth",
        "capi-network",
        "gssdp",
        "glib-networking",
        "libbluetooth",
        "libnet-",
        "libsoup",
        "capi-location",
    ]) {
        "connectivity"
    } else if begins(&[
        "app-",
        "aul",
        "capi-",
        "notification",
        "pkgmgr",
        "privacy",
        "syspopup",
        "tizen-acc",
        "vasum",
        "webkit2",
    ]) {
        "applications"
    } else if begins(&[
        "e", "font", "freetype", "fribidi", "graphics", "harfbuzz", "lib", "opencore", "pango",
        "pixman", "ui-", "wayland", "x", "cairo", "coregl", "giflib",
    ]) && !begins(&[
        "elfutils",
        "expat",
        "libacl",
        "libattr",
        "libblkid",
        "libcap",
        "libffi",
        "libg",
        "libidn",
        "liblua",
        "libmount",
        "libpcre",
        "libs",
        "libuuid",
        "libxml2",
        "xz",
        "libarchive",
    ]) {
        "graphics"
    } else {
        "base"
    }
}

/// Writes all recipes; `source` is the folder of packages, which `records` describe.
pub fn write(directory: &Path, source: &Path, records: &[Record]) {
    fs::create_dir_all(directory).unwrap();
    let put = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    put("release.toml", RELEASE);
    put(
        "source.toml",
        &format!("kind = \"source\"\npath = {source:?}\n"),
    );
    put("elsewhere.toml", &elsewhere(records));
    put("placeholder-kernel.toml", KERNEL);
    let mut modules: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for record in records {
        let name = &record.nevra.name;
        let packages = modules.entry(module_of(name)).or_default();
        // One is named with its architecture, as a manifest may.
        packages.insert(match name.as_str() {
            "bash" => "bash.armv7l".to_owned(),
            _ => name.clone(),
        });
    }
    for (name, packages) in modules {
        put(&format!("{name}.toml"), &module(name, packages));
    }
    put("server.toml", SERVER);
    put("workstation.toml", WORKSTATION);
    put("atomic-host.toml", ATOMIC_HOST);
}

fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|item| format!("    {item:?},\n"))
        .collect();
    format!("[\n{}]\n", items.concat())
}

fn module(name: &str, mut packages: BTreeSet<String>) -> String {
    let mut text = format!(
        "kind = \"module\"\nsummary = \"The {name} of it all\"\nstream = \"3.0\"\nversion = 20261101\nsource = \"source\"\n"
    );
    let mut profile: Vec<String> = packages.iter().take(2).cloned().collect();
    if name == "base" {
        text.push_str("from = [\"elsewhere\", \"placeholder-kernel\"]\n");
        packages.extend(["elsewhere".to_owned(), "placeholder-kernel".to_owned()]);
        profile = vec!["coreutils".to_owned(), "filesystem".to_owned()];
    }
    let _ = write!(
        text,
        "packages = {}",
        list(packages.iter().map(String::as_str))
    );
    let _ = write!(
        text,
        "[profiles]\ndefault = {}",
        list(profile.iter().map(String::as_str))
    );
    if name == "base" {
        let _ = write!(text, "host = {}", list(HOST));
    } else {
        text.push_str("[requires]\nbase = \"3.0\"\n");
    }
    text
}

/// A package that provides what the others need and none of them provides.
fn elsewhere(records: &[Record]) -> String {
    let mut provided: BTreeSet<String> = BTreeSet::new();
    for record in records {
        provided.extend(record.provides.iter().map(|provide| provide.name.clone()));
        let paths = record.files.iter();
        provided.extend(paths.map(|file| String::from_utf8_lossy(&file.path).into_owned()));
    }
    let mut lacking: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for require in records.iter().flat_map(|record| &record.requires) {
        if provided.contains(&require.name) || require.name.starts_with("rpmlib(") {
            continue;
        }
        let versions = lacking.entry(&require.name).or_default();
        versions.extend(
            require
                .version
                .iter()
                .map(|(_, version)| version.to_string()),
        );
    }
    // Where a version is asked for, a provide without one would meet conflicts with any other version too.
    let mut provides = Vec::new();
    for (name, versions) in lacking {
        if versions.is_empty() {
            provides.push(name.to_owned());
        }
        provides.extend(versions.iter().map(|version| format!("{name} = {version}")));
    }
    format!(
        "kind = \"package\"\nsummary = \"Stands for the packages that the folder lacks\"\nversion = \"1\"\nrelease = \"1\"\n\
         license = \"MIT\"\nprovides = {}",
        list(provides.iter().map(String::as_str))
    )
}

const RELEASE: &str = "[release]
name = \"Tizen\"
short = \"tizen\"
version = \"3\"
arch = \"armv7l\"
epoch = 2026-11-01
";

const KERNEL: &str = "kind = \"package\"
summary = \"A placeholder at a kernel's place\"
version = \"3.10\"
release = \"1\"
license = \"MIT\"
[[files]]
path = \"/usr/lib/modules/3.10/vmlinuz\"
content = \"no kernel\"
[[files]]
path = \"/usr/lib/modules/3.10/initramfs.img\"
content = \"no initramfs\"
[[files]]
path = \"/usr/lib/os-release\"
content = \"NAME=Tizen\\nID=tizen\\nVERSION_ID={version}\\nPRETTY_NAME=Tizen\\n\"
";

const SERVER: &str = "kind = \"repository\"
summary = \"For machines that serve\"
modules = [\"base\", \"connectivity\"]
addons = [\"development\"]
";

const WORKSTATION: &str = "kind = \"repository\"
summary = \"For people at a screen\"
modules = [\"base\", \"connectivity\", \"graphics\", \"applications\", \"accelerator\"]
addons = [\"development\"]
";

const ATOMIC_HOST: &str = "kind = \"ostree\"
summary = \"A small host\"
from = [\"base\", \"connectivity\", \"graphics\"]
install = [
    \"@base/host\", \"eet\", \"eldbus\", \"gssdp\", \"libarchive\", \"libsndfile\", \"libsoup\", \"libtiff\",
    \"libXext\", \"libxslt-tools\", \"rpm\", \"sqlite\", \"xmlsec1-openssl\",
]
ref = \"{short}/{version}/{arch}/atomic-host\"
";
