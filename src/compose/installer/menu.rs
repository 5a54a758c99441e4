//! GRUB's menu, for BIOS and UEFI alike.

use super::documents::{INITRD, KERNEL};
use crate::plan::parameters;

/// The menu; without a kernel it only says so.
pub fn menu(
    params: &parameters::Installer,
    has_kernel: bool,
    has_initrd: bool,
    has_kickstart: bool,
) -> String {
    let volume = &params.volume;
    let product = quoted(&format!("{} {}", params.product, params.version));
    let mut text = format!(
        "search --no-floppy --set=root -l '{volume}'\nset default=1\nset timeout={}\n\n",
        params.timeout
    );
    if !has_kernel {
        text += &format!("echo 'This disc of {product} has no kernel.'\n");
        return text;
    }
    let mut arguments = vec![format!("inst.stage2=hd:LABEL={volume}")];
    if has_kickstart {
        arguments.push(format!(
            "inst.ks=hd:LABEL={volume}:/{}",
            super::kickstart::FILE
        ));
    }
    arguments.extend(params.arguments.iter().cloned());
    let arguments = arguments.join(" ");
    for (title, more) in [
        (format!("Install {product}"), ""),
        (
            format!("Test this media & install {product}"),
            " rd.live.check",
        ),
        (format!("Rescue a {product} system"), " inst.rescue"),
    ] {
        text += &format!("menuentry '{title}' {{\n\tlinux /{KERNEL} {arguments}{more}\n");
        if has_initrd {
            text += &format!("\tinitrd /{INITRD}\n");
        }
        text += "}\n";
    }
    text
}

/// Inside of single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', r"'\''")
}
