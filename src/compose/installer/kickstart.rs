//! Answers for the installation: those of the recipe, and how the payload is deployed.
//!
//! Facts: `ostreesetup`, `ostreecontainer` and `bootc switch` as lorax' templates and osbuild write them;
//! the disc is mounted at `/run/install/repo`.

use super::Error;
use crate::compose::Workspace;
use crate::plan::parameters;

/// Its name on the disc.
pub const FILE: &str = "ks.cfg";

/// Where payloads lie on the disc.
pub const REPOSITORY: &str = "ostree/repo";
pub const CONTAINER: &str = "container";

const DISC: &str = "/run/install/repo";

/// Commands that deploy something.
const DEPLOY: [&str; 3] = ["ostreesetup", "ostreecontainer", "bootc"];

/// The whole text; `None` if there is nothing to answer.
pub fn kickstart(
    params: &parameters::Installer,
    workspace: &dyn Workspace,
) -> Result<Option<String>, Error> {
    let mut text = match params.kickstart {
        Some(blob) => {
            let bytes = workspace.bytes(blob)?;
            String::from_utf8(bytes).map_err(|_| Error::Kickstart)?
        }
        None => String::new(),
    };
    if let Some(payload) = &params.payload {
        if deploys(&text) {
            workspace.note("the kickstart deploys the payload itself: nothing is added to it");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text += &deploy(payload, workspace);
        }
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Whether one of the commands deploys something. What scripts run is none of them: `bootc` in `%post` is a program.
fn deploys(text: &str) -> bool {
    let mut section = false;
    for line in text.lines() {
        match line.split_whitespace().next() {
            Some("%end") => section = false,
            Some("%include" | "%ksappend") => {}
            Some(word) if word.starts_with('%') => section = true,
            Some(word) if !section && DEPLOY.contains(&word) => return true,
            _ => {}
        }
    }
    false
}

fn deploy(payload: &parameters::Payload, workspace: &dyn Workspace) -> String {
    let remote = &payload.remote;
    let mut text = match &payload.reference {
        Some(reference) => format!(
            "ostreesetup --nogpg --osname={remote} --remote={remote} \
             --url=file://{DISC}/{REPOSITORY} --ref={reference}\n"
        ),
        None => format!(
            "ostreecontainer --stateroot={remote} --transport=oci --no-signature-verification \
             --url={DISC}/{CONTAINER}\n"
        ),
    };
    let Some(url) = &payload.updates else {
        workspace.note("no [updates] in the recipe: an installed machine finds none by itself");
        return text;
    };
    text += "%post --erroronfail\n";
    text += &match &payload.reference {
        // The one that points to the disc goes; what stays is where the tree comes from in future.
        Some(_) => {
            let trust = match &payload.key {
                Some(key) => format!("--set=gpg-verify=true --set=gpgkeypath={key}"),
                None => "--no-gpg-verify".to_owned(),
            };
            format!(
                "rm -f /etc/ostree/remotes.d/{remote}.conf\n\
                 ostree remote delete --if-exists {remote}\n\
                 ostree remote add {trust} {remote} '{url}'\n"
            )
        }
        None => format!("bootc switch --mutate-in-place --transport registry '{url}'\n"),
    };
    text += "%end\n";
    text
}
