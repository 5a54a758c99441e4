//! A disk that a real kernel boots, on both kinds of firmware.

use std::fs;

use crate::support::bootable::bootable;
use crate::support::initrd::{Initrd, kernel};
use crate::support::machine::{Machine, uefi};

/// The first program: it finds the deployment by what the kernel was told, as `ostree-prepare-root` does,
/// looks whether it is whole, and whether what has to be fixed is.
const INIT: &str = r#"value() { sed "s/.* $1=\([^ ]*\).*/\1/" /proc/cmdline; }
for wait in 1 2 3 4 5; do
    root=$(findfs $(value root)) && break
    sleep 1
done
mount -t ext4 -o rw $root /sysroot || exit
tree=/sysroot$(value ostree)
echo "SAID tree $(head -n 1 $tree/usr/lib/os-release)"
mount -t ext4 -o rw $(findfs $(sed -n 's/ .boot ext4.*//p' $tree/etc/fstab)) $tree/boot
echo "SAID boot $(ls $tree/boot/loader/entries)"
touch $tree/new 2>/dev/null || echo "SAID tree fixed"
touch $tree/boot/new && touch $tree/etc/new && echo "SAID boot and etc free"
cmp $tree/usr/lib/modules/1/vmlinuz $tree/boot/ostree/*/vmlinuz-1 && echo "SAID kernel same"
echo "SAID linked $(stat -c %h $tree/usr/lib/os-release)"
umount $tree/boot && umount /sysroot && echo "SAID everything"
poweroff -f
"#;

#[test]
fn a_kernel_boots_the_deployed_tree_by_bios_and_by_uefi() {
    let bench = bootable();
    bench.write(
        "recipes/files/vmlinuz",
        fs::read(kernel().join("vmlinuz")).unwrap(),
    );
    bench.write(
        "recipes/files/initrd",
        Initrd::below(bench.path(), INIT).archive(),
    );
    bench.edit(
        "kernel.toml",
        "content = \"nothing that a kernel would read\"",
        "source = \"files/initrd\"",
    );
    bench.write(
        "recipes/host.toml",
        "kind = \"ostree\"\nfrom = [\"base\", \"boot\"]\ninstall = [\"@base/default\", \"@boot/default\"]\nref = \"sampler/1/host\"\n",
    );
    bench.write(
        "recipes/machine.toml",
        "kind = \"disk\"\npayload = \"host\"\nsize = \"512 MiB\"\nformat = \"qcow2\"\n\
         arguments = [\"console=ttyS0\", \"quiet\"]\ntimeout = 0\n",
    );
    let image = bench.realize(&["machine"]).remove(0).join("machine.qcow2");
    let disk = format!(
        "-cpu max -drive file={},format=qcow2,if=virtio,snapshot=on",
        image.display()
    );
    for firmware in [String::new(), format!("{} ", uefi(bench.path()))] {
        let mut machine = Machine::start(&format!("{firmware}{disk}"));
        for said in [
            "SAID tree NAME=Sampler",
            "SAID boot ostree-1-sampler.conf",
            "SAID tree fixed",
            "SAID boot and etc free",
            "SAID kernel same",
            // The object, and the deployment's.
            "SAID linked 2",
            "SAID everything",
        ] {
            machine.waits_for(said);
        }
    }
}
