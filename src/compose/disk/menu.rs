//! GRUB's menu: it reads the entries that OSTree writes, so an upgrade writes to no boot loader.
//!
//! An entry of the Boot Loader Specification is a script of GRUB if its keys are functions. A GRUB that is linked for UEFI
//! has `linux` and `initrd` as commands already, which go before functions: there the two are told nothing
//! (their root is no device, so they fail), and what they would have loaded is found by the deployment that `options` names.
//!
//! Facts: the GRUB manual 2.06, "Shell-like scripting"; `grub-core/script/execute.c`.

/// The menu that lies on the boot file system.
pub fn menu(timeout: u32, arguments: &[String]) -> String {
    let mut text =
        String::from("# Made once, and never again: the entries are those in loader/entries.\n");
    // Whoever has the kernel talk to a serial line has no screen, maybe.
    let serial = arguments
        .iter()
        .filter_map(|argument| argument.strip_prefix("console=ttyS"));
    if let Some((unit, speed)) = serial.filter_map(line).next() {
        text += &format!(
            "if [ \"$grub_platform\" = pc ]; then\n\
             \tserial --unit={unit} --speed={speed}\n\
             \tterminal_input console serial\n\
             \tterminal_output console serial\n\
             fi\n"
        );
    }
    text += &format!("set timeout={timeout}\n");
    text + r#"set boot="$root"
set newest=0
function title { set entry_title="$*"; }
function version { set entry_version="$1"; }
function options { set entry_options="$*"; }
function linux { set entry_linux="$1"; }
function initrd { set entry_initrd="$1"; }
for entry in ($boot)/loader/entries/*.conf; do
	set entry_title="$entry"
	set entry_version=0
	set entry_options=
	set entry_linux=
	set entry_initrd=
	set root=
	source "$entry"
	set root="$boot"
	if [ -z "$entry_linux" ]; then
		regexp --set=1:entry_state --set=2:entry_sum 'ostree=/ostree/boot.[01]/([^/]+)/([0-9a-f]+)/' "$entry_options"
		for file in ($boot)/ostree/$entry_state-$entry_sum/vmlinuz-*; do
			set entry_linux="$file"
		done
		for file in ($boot)/ostree/$entry_state-$entry_sum/initramfs-*; do
			set entry_initrd="$file"
		done
	fi
	menuentry "$entry_title" --id "ostree-$entry_version" "$entry_linux" "$entry_initrd" "$entry_options" {
		insmod linux
		linux "$2" $4
		if [ -n "$3" ]; then
			initrd "$3"
		fi
	}
	if [ "$entry_version" -gt "$newest" ]; then
		set newest="$entry_version"
		set default="ostree-$entry_version"
	fi
done
"#
}

/// Number and speed of a serial line: `0,115200n8`.
fn line(told: &str) -> Option<(u32, u32)> {
    let (unit, rest) = told.split_once(',').unwrap_or((told, ""));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let speed = if digits.is_empty() {
        Some(115_200)
    } else {
        digits.parse().ok()
    };
    Some((unit.parse().ok()?, speed?))
}

/// What a loader for UEFI reads first, on its own file system: where the menu is.
pub fn redirect(boot_uuid: &str) -> String {
    format!(
        "search --no-floppy --fs-uuid --set=root {boot_uuid}\n\
         set prefix=($root)/grub\n\
         configfile $prefix/grub.cfg\n"
    )
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn serial_lines_are_read_as_the_kernel_reads_them() {
        assert_eq!(line("0"), Some((0, 115_200)));
        assert_eq!(line("1,9600n8"), Some((1, 9600)));
        assert_eq!(line("x"), None);
    }
}
