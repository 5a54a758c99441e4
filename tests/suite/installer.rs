//! Kind `installer`: discs of real boot loaders, judged by the clients of discs and by firmware.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bench::Bench;
use crate::support::bootable::bootable;
use crate::support::kickstart;
use crate::support::machine::{Machine, uefi};

fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn xorriso(iso: &Path, arguments: &[&str]) -> String {
    run(Command::new("xorriso")
        .arg("-indev")
        .arg(iso)
        .args(arguments))
}

/// The file on a disc.
fn read(iso: &Path, path: &str) -> String {
    run(Command::new("bsdtar").arg("-xOf").arg(iso).arg(path))
}

/// Recipes of an installer with the boot loaders of this machine, and what `extra` says of the installer.
fn bench(extra: &str) -> Bench {
    let bench = bootable();
    let installer = "kind = \"installer\"\nfrom = [\"base\", \"boot\"]\nruntime = [\"@base/default\", \"@boot/default\"]\n";
    bench.write("recipes/disc.toml", format!("{installer}{extra}"));
    bench
}

#[test]
fn the_clients_of_discs_find_an_edition_and_a_tree_on_it() {
    let bench = bench(
        "repository = \"edition\"\npayload = \"host\"\narguments = [\"quiet\"]\n\
         kickstart = \"files/start.ks\"\n[updates]\nurl = \"https://updates.example/repo\"\nremote = \"example\"\nkey = \"/etc/pki/example\"\n",
    );
    bench.write("recipes/files/start.ks", "lang en_GB\nreboot");
    let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
    run(Command::new("checkisomd5").arg(&iso));
    let said = xorriso(
        &iso,
        &["-report_el_torito", "plain", "-report_system_area", "plain"],
    );
    for line in [
        "El Torito img path :   1  /images/eltorito.img",
        "El Torito img path :   2  /images/efiboot.img",
        "grub2-boot-info",
        "MBR protective-msdos-label grub2-mbr cyl-align-off GPT",
        "Volume id    : 'sampler-1-x86_64'",
    ] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    let kickstart = "lang en_GB\nreboot\n\
        ostreesetup --nogpg --osname=example --remote=example --url=file:///run/install/repo/ostree/repo --ref=sampler/1/host\n\
        %post --erroronfail\n\
        rm -f /etc/ostree/remotes.d/example.conf\n\
        ostree remote delete --if-exists example\n\
        ostree remote add --set=gpg-verify=true --set=gpgkeypath=/etc/pki/example example 'https://updates.example/repo'\n\
        %end\n";
    assert_eq!(read(&iso, "ks.cfg"), kickstart);
    let command = &kickstart::deploys(kickstart)["ostreesetup"];
    assert_eq!(command["osname"], "example");
    assert_eq!(command["remote"], "example");
    assert_eq!(command["url"], "file:///run/install/repo/ostree/repo");
    assert_eq!(command["ref"], "sampler/1/host");
    assert_eq!(command["nogpg"], true);
    leaves_origin(&bench, kickstart, "https://updates.example/repo");
    assert_eq!(
        read(&iso, ".discinfo"),
        "1793491200.000000\nSampler 1\nx86_64\nALL\n"
    );
    let menu = read(&iso, "boot/grub/grub.cfg");
    let linux = "linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=sampler-1-x86_64 inst.ks=hd:LABEL=sampler-1-x86_64:/ks.cfg quiet\n";
    assert!(
        menu.contains(linux) && menu.contains("initrd /images/pxeboot/initrd.img\n"),
        "{menu}"
    );

    let out = bench.path().join("out");
    xorriso(
        &iso,
        &["-osirrox", "on", "-extract", "/", out.to_str().unwrap()],
    );
    run(Command::new("chmod").arg("-R").arg("u+w").arg(&out));
    let fsck = run(Command::new("ostree")
        .arg("fsck")
        .arg("--repo")
        .arg(out.join("ostree/repo")));
    assert!(fsck.contains("fsck"), "{fsck}");
    for repository in [".", "addons/boot"] {
        let url = out.join(repository).canonicalize().unwrap();
        let listed = run(Command::new("dnf")
            .args([
                "-q",
                "--disableplugin=*",
                "--setopt=reposdir=/nonexistent",
                "--setopt=module_platform_id=platform:1",
            ])
            .arg(format!(
                "--setopt=cachedir={}",
                bench.path().join("cache").display()
            ))
            .arg(format!("--repofrompath=x,{}", url.display()))
            .args([
                "--setopt=x.module_hotfixes=1",
                "repoquery",
                "--qf",
                "%{name}",
            ]));
        assert!(
            listed.contains(if repository == "." {
                "small"
            } else {
                "loaders"
            }),
            "{listed}"
        );
    }
    // By the rules of INI that productmd reads them with.
    let script = "import configparser,hashlib,sys,os\n\
        c=configparser.ConfigParser(interpolation=None); c.optionxform=str; os.chdir(sys.argv[1]); c.read('.treeinfo')\n\
        for path,sum in c['checksums'].items(): assert sum=='sha256:'+hashlib.sha256(open(path,'rb').read()).hexdigest(), path\n\
        v=c['tree']['variants']; s=c['variant-'+v]; assert os.path.exists(s['repository']+'/repodata/repomd.xml')\n\
        a=c['addon-'+s['addons']]; assert os.path.isdir(a['packages'])\n\
        assert os.path.exists(c['stage2']['mainimage']) and os.path.exists(c['images-x86_64']['kernel'])\n\
        print(len(c['checksums']), v, s['addons'], c['general']['family'])";
    let said = run(Command::new("python3").args(["-c", script]).arg(&out));
    assert_eq!(said, "6 Edition Edition-Boot Sampler\n");
    let listed = run(Command::new("mdir")
        .arg("-b")
        .arg("-i")
        .arg(out.join("images/efiboot.img"))
        .arg("::EFI/BOOT"));
    assert_eq!(listed, "::/EFI/BOOT/BOOTX64.EFI\n::/EFI/BOOT/GRUB.CFG\n");
    let stage2 = bench.path().join("stage2");
    run(Command::new("unsquashfs")
        .arg("-no-xattrs")
        .arg("-d")
        .arg(&stage2)
        .arg(out.join("images/install.img")));
    let stamp = fs::read_to_string(stage2.join(".buildstamp")).unwrap();
    assert_eq!(
        stamp,
        "[Main]\nProduct=Sampler\nVersion=1\nBugURL=\nIsFinal=True\nUUID=202611010000.x86_64\n"
    );
    assert!(stage2.join("usr/lib/os-release").exists());
    let log = bench.print(&["log", "disc"]);
    assert!(log.contains("no shimx64.efi in the root"), "{log}");
}

/// Runs what a kickstart has run at the end, as `ostree` on the installed machine would.
fn leaves_origin(bench: &Bench, kickstart: &str, url: &str) {
    let repo = bench.path().join("machine");
    let ostree = |arguments: &[&str]| {
        run(Command::new("ostree")
            .env("OSTREE_REPO", &repo)
            .args(arguments))
    };
    ostree(&[
        "init",
        "--mode=bare-user-only",
        &format!("--repo={}", repo.display()),
    ]);
    // As the installation leaves it: the remote is the disc.
    ostree(&[
        "remote",
        "add",
        "--no-gpg-verify",
        "example",
        "file:///run/install/repo/ostree/repo",
    ]);
    let (_, post) = kickstart.split_once("%post --erroronfail\n").unwrap();
    let (post, _) = post.split_once("%end\n").unwrap();
    let of_this_machine = |line: &&str| line.starts_with("rm -f /etc/");
    let script: Vec<&str> = post.lines().filter(|line| !of_this_machine(line)).collect();
    run(Command::new("sh")
        .env("OSTREE_REPO", &repo)
        .args(["-euc", &script.join("\n")]));
    assert_eq!(
        ostree(&["remote", "show-url", "example"]),
        format!("{url}\n")
    );
    let config = fs::read_to_string(repo.join("config")).unwrap();
    assert!(
        config.contains("gpg-verify=true\n") && config.contains("gpgkeypath=/etc/pki/example\n"),
        "{config}"
    );
}

/// What is signed is only ever copied; firmware with the keys of its makers is asked by hand, on real packages.
#[test]
fn shim_comes_before_a_grub_that_is_signed() {
    let bench = bench("");
    let names = ["shimx64.efi.signed", "mmx64.efi", "gcdx64.efi.signed"];
    let mut signed = String::from(
        "kind = \"package\"\nsummary = \"Signed\"\nversion = \"1\"\nrelease = \"1\"\narch = \"x86_64\"\nlicense = \"BSD-2-Clause\"\n",
    );
    for name in names {
        signed += &format!("[[files]]\npath = \"/usr/lib/{name}\"\ncontent = \"{name}\"\n");
    }
    bench.write("recipes/signed.toml", signed);
    bench.edit(
        "boot.toml",
        "from = [\"loaders\"]",
        "from = [\"loaders\", \"signed\"]\npackages = [\"loaders\", \"signed\"]",
    );
    bench.edit(
        "boot.toml",
        "default = [\"loaders\"]",
        "default = [\"loaders\", \"signed\"]",
    );
    let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
    for (name, holds) in ["BOOTX64.EFI", "MMX64.EFI", "GRUBX64.EFI"]
        .into_iter()
        .zip(names)
    {
        assert_eq!(read(&iso, &format!("EFI/BOOT/{name}")), holds);
    }
    let log = bench.print(&["log", "disc"]);
    assert!(!log.contains("shim"), "{log}");
}

#[test]
fn a_container_image_is_deployed_and_updated_from_a_registry() {
    let bench = bench("payload = \"vessel\"\n[updates]\nurl = \"registry.example/host:1\"\n");
    bench.write(
        "recipes/vessel.toml",
        "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"@base/default\"]\nbootable = true\n",
    );
    let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
    let kickstart = "ostreecontainer --stateroot=sampler --transport=oci --no-signature-verification --url=/run/install/repo/container\n\
        %post --erroronfail\nbootc switch --mutate-in-place --transport registry 'registry.example/host:1'\n%end\n";
    assert_eq!(read(&iso, "ks.cfg"), kickstart);
    let command = &kickstart::deploys(kickstart)["ostreecontainer"];
    assert_eq!(command["stateroot"], "sampler");
    assert_eq!(command["transport"], "oci");
    assert_eq!(command["url"], "/run/install/repo/container");
    assert_eq!(command["noSignatureVerification"], true);
    let out = bench.path().join("out");
    xorriso(
        &iso,
        &[
            "-osirrox",
            "on",
            "-extract",
            "/container",
            out.to_str().unwrap(),
        ],
    );
    let said = run(Command::new("skopeo")
        .arg("inspect")
        .arg(format!("oci:{}", out.display())));
    assert!(said.contains("containers.bootc"), "{said}");
}

#[test]
fn what_a_script_runs_deploys_nothing() {
    let script = "lang en_GB\n%post\nbootc status > /root/status\nostreesetup || true\n%end\n";
    let own = "%include /tmp/more.ks\n  ostreesetup --osname=a --url=b --ref=c\n";
    let bench = bench("payload = \"host\"\nkickstart = \"files/start.ks\"\n");
    let realize = |text: &str| {
        bench.write("recipes/files/start.ks", text);
        let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
        read(&iso, "ks.cfg")
    };
    let text = realize(script);
    assert!(text.starts_with(script), "{text}");
    assert_eq!(
        kickstart::deploys(&text)["ostreesetup"]["ref"],
        "sampler/1/host"
    );
    assert_eq!(realize(own), own);
}

/// What `du` says of the objects and views of a store: each file and directory once.
fn du_all(store: &Path) -> u64 {
    let said = run(Command::new("du")
        .args(["-c", "-s", "--block-size=1"])
        .args([store.join("objects"), store.join("entries")]));
    let total = said.lines().last().unwrap();
    total.split('\t').next().unwrap().parse().unwrap()
}

/// The bytes on disk of the files below a directory, each once.
fn du(directory: &Path) -> u64 {
    let mut seen = std::collections::BTreeSet::new();
    let files = walkdir::WalkDir::new(directory).into_iter().flatten();
    let sizes = files.filter_map(|file| {
        let found = file.metadata().unwrap();
        (found.is_file() && seen.insert(found.ino())).then(|| found.blocks() * 512)
    });
    sizes.sum()
}

#[test]
fn a_disc_adds_little_to_what_its_packages_hold() {
    let bench = bench("repository = \"edition\"\npayload = \"host\"\n");
    let noise: Vec<u8> = (0..12_000_000u32)
        .map(|n| (n.wrapping_mul(n.wrapping_add(12345)) >> 11) as u8)
        .collect();
    bench.write("recipes/files/noise", noise);
    bench.edit(
        "small.toml",
        "[[files]]\n",
        "[[files]]\npath = \"/usr/share/noise\"\nsource = \"files/noise\"\n[[files]]\n",
    );
    // Only the edition and the tree have it; what runs the installer is the same with and without them.
    bench.edit("disc.toml", "\"@base/default\", ", "\"kernel\", ");
    let bare = fs::read_to_string(bench.recipes().join("disc.toml")).unwrap();
    let bare = bare.replace("repository = \"edition\"\npayload = \"host\"\n", "");
    bench.write("recipes/bare.toml", bare);
    bench.realize(&["bare", "edition", "host"]);
    let objects = bench.store().join("objects");
    let before = du(&objects);
    let view = bench.realize(&["disc"]).remove(0);
    let grown = du(&objects) - before;
    let iso = fs::read(view.join("disc.iso")).unwrap();
    assert!(iso.len() > 20_000_000, "{}", iso.len());
    // Directories, menus and padding: some hundred kilobytes, whatever is on the disc.
    assert!(grown < 500_000, "grew by {grown}, for {}", iso.len());
    // The file is written out from the objects: dropped, streamed, and there again.
    assert!(
        bench
            .command()
            .args(["cat", "disc", "disc.iso"])
            .output()
            .unwrap()
            .stdout
            == iso
    );
    crate::support::bench::allow(&view);
    fs::remove_dir_all(&view).unwrap();
    bench.print(&["verify", "--full"]);
    assert_eq!(bench.realize(&["disc"]), std::slice::from_ref(&view));
    assert!(fs::read(view.join("disc.iso")).unwrap() == iso);
    bench.print(&["gc", "--keep-last", "1"]);
    bench.print(&["verify", "--full"]);
    assert!(
        bench
            .command()
            .args(["cat", "disc", "disc.iso"])
            .output()
            .unwrap()
            .stdout
            == iso
    );
}

#[test]
fn a_disc_in_a_release_is_written_out_once_and_not_for_older_generations() {
    let bench = bench("");
    bench.write(
        "recipes/composes/all.toml",
        "kind = \"compose\"\n[variants]\nServer = [\"edition\", \"disc\"]\n",
    );
    let store = bench.store();
    let entries = store.join("entries");
    let release = bench.realize(&["all"]).remove(0);
    let inside = walkdir::WalkDir::new(&release).into_iter().flatten();
    let isos = inside.filter(|file| file.path().extension().is_some_and(|end| end == "iso"));
    let isos: Vec<PathBuf> = isos.map(|file| file.into_path()).collect();
    let [in_release] = isos.as_slice() else {
        panic!("{isos:?}");
    };
    xorriso(in_release, &["-report_el_torito", "plain"]);
    let size = fs::metadata(in_release).unwrap().len();
    // What is inside was not asked for by itself.
    let views = |of: &str| {
        let names = fs::read_dir(&entries).unwrap().flatten();
        let names = names.map(|name| name.file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(of)).count()
    };
    assert_eq!(
        (views("-disc"), views("-edition"), views("-all")),
        (0, 0, 1)
    );
    let before = du(&entries);
    let disc = bench.realize(&["disc"]).remove(0).join("disc.iso");
    run(Command::new("cmp").arg(in_release).arg(&disc));
    let grown = du(&entries) - before;
    assert!(grown < size / 100, "grew by {grown} for {size}");

    let first = bench.path().join("first.iso");
    fs::copy(&disc, &first).unwrap();
    bench.edit(
        "disc.toml",
        "kind = \"installer\"",
        "kind = \"installer\"\ntimeout = 5",
    );
    let new = bench.realize(&["disc", "all"]);
    let told = bench.json(&["gc", "--views-above", "1MiB", "--dry-run"])["bytes"]
        .as_u64()
        .unwrap();
    let before = du_all(&store);
    let said = bench.print(&["gc", "--views-above", "1MiB"]);
    assert!(said.contains("2 views"), "{said}");
    assert_eq!(before - du_all(&store), told);
    assert!(told > size * 9 / 10, "{told} of {size}");
    assert!(!disc.exists() && !release.exists() && new.iter().all(|path| path.exists()));
    bench.print(&["verify", "--full"]);
    // Nothing was lost: who asks for it has it again, where it was.
    let again = bench.print(&["show", "disc@1", "--path"]);
    assert_eq!(Path::new(again.trim_end()), disc.parent().unwrap());
    run(Command::new("cmp").arg(&first).arg(&disc));
    run(Command::new("checkisomd5").arg(&disc));
    bench.print(&["gc", "--views-above", "1MiB"]);
    let again = bench.json(&["show", disc.parent().unwrap().to_str().unwrap(), "--path"]);
    assert_eq!(again["path"], disc.parent().unwrap().to_str().unwrap());
    run(Command::new("cmp").arg(&first).arg(&disc));
    bench.print(&["verify", "--full"]);
}

#[test]
fn a_disc_is_the_same_wherever_it_is_composed_and_needs_no_new_root_for_another_menu() {
    let (one, two) = (
        bench("repository = \"edition\"\n"),
        bench("repository = \"edition\"\n"),
    );
    let name = |bench: &Bench| bench.realize(&["disc"])[0].file_name().unwrap().to_owned();
    let first = name(&one);
    assert_eq!(first, name(&two));
    one.edit(
        "disc.toml",
        "kind = \"installer\"",
        "kind = \"installer\"\ntimeout = 5",
    );
    let plan = one.print(&["plan", "disc"]);
    assert!(plan.contains("1 step to do"), "{plan}");
    assert_ne!(name(&one), first);
}

#[test]
fn without_a_kernel_and_boot_loaders_a_disc_is_composed_and_the_log_says_what_is_missing() {
    let bench = bench("repository = \"edition\"\n");
    bench.edit(
        "disc.toml",
        "\"@base/default\", \"@boot/default\"",
        "\"small\"",
    );
    let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
    let log = bench.print(&["log", "disc"]);
    for line in [
        "no kernel, neither",
        "no boot loader for BIOS: the root has no /usr/lib/grub/i386-pc/cdboot.img",
        "no boot loader for UEFI: the root has no gcdx64.efi",
    ] {
        assert!(log.contains(line), "{line:?} is not in {log}");
    }
    run(Command::new("checkisomd5").arg(&iso));
    assert!(!xorriso(&iso, &["-report_el_torito", "plain"]).contains("El Torito img path"));
}

#[test]
fn firmware_reaches_the_menu_from_a_disc_and_from_a_stick_and_the_menu_a_kernel() {
    let bench = bench("repository = \"edition\"\n");
    let iso = bench.realize(&["disc"]).remove(0).join("disc.iso");
    let iso = iso.display();
    let media = [
        format!("-drive file={iso},format=raw,readonly=on,media=cdrom"),
        format!(
            "-drive file={iso},format=raw,readonly=on,if=none,id=stick -device qemu-xhci -device usb-storage,drive=stick,bootindex=0"
        ),
    ];
    for medium in &media {
        let mut machine = Machine::start(medium);
        machine.waits_for("Rescue a Sampler 1 system");
        machine.enter();
        machine.waits_for("the kernel runs");
    }
    for medium in &media {
        let mut machine = Machine::start(&format!("{} {medium}", uefi(bench.path())));
        machine.waits_for("Rescue a Sampler 1 system");
    }
}
