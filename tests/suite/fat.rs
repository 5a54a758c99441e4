//! A store on FAT and exFAT, as memory sticks have it, under a real kernel:
//! no modes, no links, times of two seconds, and names that are one in upper and lower case.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use store::formats::rpm::checksum::Hasher;
use store::ids::Algorithm;

use crate::support::initrd::{Initrd, kernel};
use crate::support::machine::Machine;
use crate::support::sample::run;
use crate::support::site::Site;

/// The first program; what it says is compared below.
const INIT: &str = r#"
cd /tmp
mkdir fs colon case dot link
touch colon/a:b dot/a.; echo a >case/a; echo A >case/A; ln -s a link/a
store() { /bin/store --store fs/store --recipes /$recipes "$@" >out 2>err; }
say() { echo "SAID $type $*"; }
try() {
    code=0; store "$@" || code=$?
    say "$* $code"
}
realize() {
    try realize server atomic-host
    for path in $(cat out); do say ${path##*/}; done
}
for type in vfat exfat; do
    disk=/dev/vda; test $type = vfat || disk=/dev/vdb
    mount -t $type $disk fs || exit
    recipes=old
    realize
    realize
    say "$(sed 's/ in .*//' err)"
    try verify --full
    recipes=new
    realize
    try diff server@1 server@2
    say "$(sha256sum <out)"
    try gc --keep-last 1
    try verify --full
    try verify --rebuild-index
    # What was known may have been finer than what was written.
    umount fs && mount -t $type $disk fs
    try verify --full
    for file in fs/store/entries/*-atomic-host/objects/*/*.filez; do
        printf damage | dd of=$file conv=notrunc 2>/dev/null
    done
    try verify --full
    realize
    try verify --full
    for odd in colon case dot link; do
        store add $odd
        try show --path $(cat out)
        say "$(sed 's/.*can.t be made in [^:]*: //; s/;.*//' err)"
    done
    try realize ordered
    say "$(sed -n 's/.*keeps no modes.*/no modes/p' err)"
    try verify --full
    mount -o remount,ro fs
    realize
    try verify --full
    umount fs
    say over
done
poweroff -f
"#;

/// What needs modes.
const ORDERED: &str = "kind = \"command\"\nroot = \"atomic-host\"\nrun = [\"/bin/true\"]\n";

/// Makes disks of 64 MiB, empty; returns what names them to a machine.
fn disks(site: &Site) -> String {
    let disk = |kind: &str| {
        let disk = site.path(kind);
        File::create(&disk).unwrap().set_len(64 << 20).unwrap();
        run(&format!("mkfs.{kind}"), &[disk.to_str().unwrap()]);
        format!("-drive file={},format=raw,if=virtio", disk.display())
    };
    ["vfat", "exfat"].map(disk).join(" ")
}

fn realized(entries: &BTreeMap<String, String>) -> Vec<String> {
    let view = |name: &str| format!("{}-{name}", &entries[name][..32]);
    let realize = "realize server atomic-host 0".to_owned();
    vec![realize, view("server"), view("atomic-host")]
}

#[test]
fn on_the_file_systems_of_memory_sticks_all_is_the_same_and_what_can_not_be_is_said() {
    let old = Site::new();
    let first = old.realize();
    let new = old.again();
    new.change();
    let second = new.realize();
    let diff = new.well(&["diff", "server@1", "server@2"]);
    let diff = Hasher::of(Algorithm::Sha256, diff.as_bytes());

    let initrd = Initrd::below(&old.path(""), INIT);
    initrd.put_program(Path::new(env!("CARGO_BIN_EXE_store")), "bin/store");
    for (site, name) in [(&old, "old"), (&new, "new")] {
        let [from, to] = [site.path("recipes"), initrd.path(name)];
        run("cp", &["-r", from.to_str().unwrap(), to.to_str().unwrap()]);
    }
    fs::write(initrd.path("new/ordered.toml"), ORDERED).unwrap();
    let ram = old.path("initrd.cpio");
    fs::write(&ram, initrd.archive()).unwrap();
    let mut machine = Machine::start(&format!(
        "-cpu max -kernel {} -initrd {} -append console=ttyS0 {}",
        kernel().join("vmlinuz").display(),
        ram.display(),
        disks(&old),
    ));

    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let wanted: Vec<String> = [
        realized(&first),
        realized(&first),
        lines("nothing to do, 31 reused\nverify --full 0"),
        realized(&second),
        lines(&format!("diff server@1 server@2 0\n{diff}  -")),
        lines(
            "gc --keep-last 1 0
            verify --full 0
            verify --rebuild-index 0
            verify --full 0
            verify --full 4",
        ),
        realized(&second),
        lines("verify --full 0"),
    ]
    .concat();
    let unfit = lines(
        "this file system can't have such a name
        this file system takes it for another name, in upper or lower case
        this file system drops dots and spaces at the end of a name
        this file system has no symbolic links",
    );
    let after: Vec<String> = [
        lines("realize ordered 1\nno modes\nverify --full 0"),
        realized(&second),
        lines("verify --full 0\nover"),
    ]
    .concat();
    for kind in ["vfat", "exfat"] {
        // The machine is slow, and others are at work: each of these may take its time.
        for done in ["diff", "gc", "show", "over"] {
            machine.waits_for(&format!("SAID {kind} {done}"));
        }
        let said = machine.lines(&format!("SAID {kind} "));
        let (said, rest) = said.split_at(wanted.len());
        assert_eq!(said, wanted, "{kind}");
        let (odd, rest) = rest.split_at(2 * unfit.len());
        for (odd, unfit) in odd.chunks(2).zip(&unfit) {
            assert!(odd[0].starts_with("show --path ") && odd[0].ends_with(" 1"));
            assert_eq!(&odd[1], unfit, "{kind}");
        }
        assert_eq!(rest, after, "{kind}");
    }
}
