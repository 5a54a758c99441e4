//! `store files`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use crate::ids::TreePath;
use crate::tree::{Content, Meta, Visit, walk};

/// Lists the files of an entry, with owners, modes, sizes and times as the tree has them
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
    /// Only what lies below this path
    path: Option<String>,
}

#[derive(Serialize)]
struct Document {
    entry: String,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<String>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let subject = context.subject(&store, &self.subject)?;
        let below = TreePath::parse(self.path.unwrap_or_default())
            .map_err(|e| Failure::new(Exit::Usage, e))?;
        let root = store.entry(subject.entry)?.root;
        let mut files = Vec::new();
        walk(root, &|id| store.directory(id), &mut |path, visit| {
            if path.starts_with(&below) {
                files.push(file(path, visit));
            }
            Ok::<_, crate::store::Error>(())
        })?;
        if files.is_empty() {
            return Err(Failure::new(
                Exit::NotFound,
                format!("{} has no {below}", self.subject),
            ));
        }
        if context.global.json {
            output::json(
                "files",
                &Document {
                    entry: subject.entry.to_string(),
                    files,
                },
            )?;
            return Ok(Exit::Done);
        }
        let mut text = String::new();
        for file in &files {
            let size = match (file.size, file.device) {
                (Some(size), _) => size.to_string(),
                (_, Some((major, minor))) => format!("{major},{minor}"),
                _ => "-".to_owned(),
            };
            let target = file
                .target
                .as_ref()
                .map(|target| format!(" -> {}", output::part(target)))
                .unwrap_or_default();
            let letter = file
                .kind
                .chars()
                .next()
                .filter(|_| file.kind != "file")
                .unwrap_or('-');
            text.push_str(&format!(
                "{letter}{} {:>5} {:>5} {size:>10} {}{target}\n",
                file.mode,
                file.uid,
                file.gid,
                output::part(&file.path)
            ));
        }
        output::print(text)?;
        Ok(Exit::Done)
    }
}

fn file(path: &TreePath, visit: Visit<'_>) -> File {
    let (kind, meta, content): (_, &Meta, Option<&Content>) = match visit {
        Visit::Directory { meta, .. } => ("directory", meta, None),
        Visit::Leaf(leaf) => (kind(&leaf.content), &leaf.meta, Some(&leaf.content)),
    };
    let text = path.to_string();
    let lossy = std::str::from_utf8(path.as_bytes()).is_err();
    let mut file = File {
        path: text,
        path_hex: lossy.then(|| data_encoding::HEXLOWER.encode(path.as_bytes())),
        kind,
        mode: format!("{:04o}", meta.mode),
        uid: meta.uid,
        gid: meta.gid,
        mtime: meta.mtime,
        size: None,
        blob: None,
        target: None,
        device: None,
        xattrs: meta
            .xattrs
            .keys()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    };
    match content {
        Some(Content::File { size, blob }) => {
            file.size = Some(*size);
            file.blob = Some(blob.to_string());
        }
        Some(Content::Symlink { target }) => {
            file.target = Some(String::from_utf8_lossy(target).into_owned())
        }
        Some(Content::Character { major, minor } | Content::Block { major, minor }) => {
            file.device = Some((*major, *minor));
        }
        Some(Content::Fifo | Content::Socket) | None => {}
    }
    file
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::File { .. } => "file",
        Content::Symlink { .. } => "link",
        Content::Character { .. } => "character",
        Content::Block { .. } => "block",
        Content::Fifo => "pipe",
        Content::Socket => "socket",
    }
}
