//! Recipes of a system that boots: the boot loaders of this machine, and a kernel that says that it runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::bench::Bench;

const BIOS: &str = "/usr/lib/grub/i386-pc";

/// GRUB for UEFI as this machine's distribution has linked it.
fn efi_loader(name: &str) -> PathBuf {
    let known = [
        "/usr/lib/grub/x86_64-efi/monolithic",
        "/boot/efi/EFI",
        "/usr/lib/efi/grub2",
    ];
    let files = known
        .iter()
        .flat_map(|place| walkdir::WalkDir::new(place).sort_by_file_name());
    let mut files = files.flatten().filter(|file| file.file_name() == name);
    files.next().expect("scripts/test installs it").into_path()
}

/// A kernel of a few bytes for BIOS: by the 32-bit boot protocol of Linux, it says on the serial line that it runs.
///
/// Facts: Documentation/arch/x86/boot.rst of Linux.
fn kernel() -> Vec<u8> {
    let mut image = vec![0; 2048];
    image[0x1f1] = 3;
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x200..0x202].copy_from_slice(&[0xeb, 0x66]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x0206u16.to_le_bytes());
    // Loaded high, to one megabyte.
    image[0x211] = 1;
    image[0x214..0x218].copy_from_slice(&0x10_0000u32.to_le_bytes());
    image[0x22c..0x230].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    image[0x238..0x23c].copy_from_slice(&2047u32.to_le_bytes());
    let said = b"\r\nthe kernel runs\r\n\0";
    let mut code = vec![
        0xe8, 0, 0, 0, 0,    // call the next instruction
        0x5e, // pop esi
        0x83, 0xc6, 0x19, // add esi, to the text
        0xac, // next: lodsb
        0x84, 0xc0, // test al, al
        0x74, 0x0c, // jz end
        0x88, 0xc1, // mov cl, al
        0x66, 0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0x88, 0xc8, // mov al, cl
        0xee, // out dx, al
        0xeb, 0xf0, // jmp next
        0x90, // nop
        0xf4, // end: hlt
        0xeb, 0xfd, // jmp end
        0x90, 0x90, // nop
    ];
    code.extend(said);
    image.extend(code);
    image.resize(image.len() + 4096, 0);
    image
}

/// An edition and a tree of modules `base`, with a kernel, and `boot`, with boot loaders.
pub fn bootable() -> Bench {
    let mut files = String::new();
    let bench = Bench::of(&[
        (
            "small.toml",
            "kind = \"package\"\nsummary = \"Something small\"\nversion = \"1\"\nrelease = \"1\"\narch = \"noarch\"\nlicense = \"MIT\"\n\
             [[files]]\npath = \"/usr/lib/os-release\"\ncontent = \"NAME={name}\\nID=sampler\\nVERSION_ID={version}\\n\"\n",
        ),
        (
            "kernel.toml",
            "kind = \"package\"\nsummary = \"A kernel that says that it runs\"\nversion = \"1\"\nrelease = \"1\"\narch = \"x86_64\"\nlicense = \"MIT\"\n\
             [[files]]\npath = \"/boot/vmlinuz-1\"\nsource = \"files/vmlinuz\"\n\
             [[files]]\npath = \"/usr/lib/modules/1/initramfs.img\"\ncontent = \"nothing that a kernel would read\"\n",
        ),
        (
            "base.toml",
            "kind = \"module\"\nsummary = \"Base\"\nstream = \"1\"\nversion = 1\nfrom = [\"small\", \"kernel\"]\n\
             [profiles]\ndefault = [\"small\", \"kernel\"]\n",
        ),
        (
            "boot.toml",
            "kind = \"module\"\nsummary = \"Boot loaders\"\nstream = \"1\"\nversion = 1\nfrom = [\"loaders\"]\n[profiles]\ndefault = [\"loaders\"]\n",
        ),
        (
            "edition.toml",
            "kind = \"repository\"\nmodules = [\"base\"]\naddons = [\"boot\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"@base/default\"]\nref = \"sampler/1/host\"\n",
        ),
    ]);
    bench.write("recipes/files/vmlinuz", kernel());
    let mut add = |from: &Path, to: &str| {
        let name = to.rsplit('/').next().unwrap();
        bench.write(&format!("recipes/files/{name}"), fs::read(from).unwrap());
        files += &format!("[[files]]\npath = \"/{to}\"\nsource = \"files/{name}\"\n");
    };
    let mut names: Vec<PathBuf> = fs::read_dir(BIOS)
        .unwrap_or_else(|error| panic!("{BIOS}: {error}"))
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|ext| ext == "mod" || ext == "img" || ext == "lst")
        })
        .collect();
    names.sort();
    for from in names {
        let name = from.file_name().unwrap().to_str().unwrap().to_owned();
        add(&from, &format!("usr/lib/grub/i386-pc/{name}"));
    }
    for name in ["gcdx64.efi", "grubx64.efi"] {
        let at = format!("usr/lib/grub/x86_64-efi/monolithic/{name}");
        add(&efi_loader(name), &at);
    }
    let package = "kind = \"package\"\nsummary = \"Boot loaders\"\nversion = \"1\"\nrelease = \"1\"\narch = \"x86_64\"\nlicense = \"GPL-3.0-or-later\"\n";
    bench.write("recipes/loaders.toml", format!("{package}{files}"));
    bench
}
