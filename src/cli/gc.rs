//! `store gc`

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::context::{Context, now};
use super::exit::{Exit, Failure};
use super::output::{self, count};
use crate::relate::{Size, subject};
use crate::store::{self, GcOptions, RootName, Store};

/// Collects the bytes that nothing keeps alive
///
/// Kept are the entries of all generations with what they refer to,
/// and what the newest generation of each artifact was made from, unless --drop-intermediates gives it up.
/// Files that the lock of a kept generation names stay in any case.
/// Records stay: what was collected can still be compared, and realized again.
/// Only those go that `store verify` found damaged, and that no generation was made of.
///
/// A file that an OSTree repository or a layer of an image has deflated is kept in that form alone,
/// unless something below entries/ links to it: what needs it as it was reads it out of that.
///
/// Of generations that are not the newest, what lies below entries/ goes too where it takes room of its own:
/// discs, disk images and layers of images are written out from parts that the store keeps.
/// `store show NAME@N --path` writes them again.
#[derive(Args)]
pub struct Arguments {
    /// Say exactly what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep only the N newest generations of each artifact, labelled or not
    ///
    /// A label names a generation, and keeps nothing: what an older one has goes, and can be realized again
    /// from the recipes and the lock that made it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep_last: Option<u32>,
    /// Give up what the newest generations were made from too: what is to be made anew then takes longer
    #[arg(long)]
    drop_intermediates: bool,
    /// Of older generations, take what lies below entries/ where a file in parts takes more than this
    ///
    /// As much as discs and disk images take, and no index of a repository does: old editions that are served stay.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    views_above: u64,
    /// Condemn now, delete with the first collection after this time: 30s, 15min, 12h, 7d
    ///
    /// That one may be told less: a plain `store gc` neither cuts the time short nor takes anything back.
    /// What is realized again meanwhile is kept; all of it comes back with --undo.
    #[arg(long, value_name = "DURATION", value_parser = grace)]
    grace: Option<Duration>,
    /// Have generations keep nothing any more: NAME@N, NAME@LABEL, or NAME for all of an artifact that is composed no more
    ///
    /// The generation before is the newest then, if there is one. A number is not given again.
    #[arg(long, value_name = "NAME@N")]
    forget: Vec<String>,
    /// Take back what was condemned and is not deleted yet
    #[arg(long, conflicts_with_all = ["dry_run", "keep_last", "drop_intermediates", "grace", "forget"])]
    undo: bool,
}

#[derive(Serialize)]
struct Document {
    dry_run: bool,
    entries: u64,
    objects: u64,
    compressed: u64,
    bytes: u64,
    kept: u64,
    views: u64,
    records: u64,
    downloads: u64,
    unfinished: u64,
    /// Generations, `RELEASE/NAME@N`.
    forgotten: Vec<String>,
    pending: u64,
    pending_bytes: u64,
    restored: u64,
    seconds: f64,
    /// Directories with something in them where a file was to go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    in_the_way: Vec<String>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let begun = Instant::now();
        let options = GcOptions {
            dry_run: self.dry_run,
            keep_last: self.keep_last,
            drop_intermediates: self.drop_intermediates,
            views_above: self.views_above,
            grace: self.grace,
            forget: self.forgotten(&store, context)?,
            undo: self.undo,
            now: now(),
        };
        let report = store.gc(&options, &|_| {})?;
        let document = Document {
            dry_run: self.dry_run,
            entries: report.entries,
            objects: report.objects,
            compressed: report.compressed,
            bytes: report.bytes,
            kept: report.kept,
            views: report.views,
            records: report.records,
            downloads: report.downloads,
            unfinished: report.unfinished,
            forgotten: options
                .forget
                .iter()
                .map(|(root, number)| format!("{root}@{number}"))
                .collect(),
            pending: report.pending,
            pending_bytes: report.pending_bytes,
            restored: report.restored,
            seconds: begun.elapsed().as_secs_f64(),
            in_the_way: report
                .in_the_way
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        };
        let exit = match report.in_the_way.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        };
        for path in report.in_the_way {
            output::say(format_args!("error: {}", store::Error::InTheWay { path }));
        }
        if context.global.json {
            output::json("gc", &document)?;
            return Ok(exit);
        }
        let entries = count(document.entries as usize, "entry");
        let objects = count(document.objects as usize, "object");
        let views = match document.views {
            0 => String::new(),
            views => format!("{}, ", count(views as usize, "view")),
        };
        let compressed = match document.compressed {
            0 => String::new(),
            files => format!("the plain form of {}, ", count(files as usize, "file")),
        };
        let records = match document.records {
            0 => String::new(),
            records => format!("{}, ", count(records as usize, "damaged record")),
        };
        let downloads = match document.downloads {
            0 => String::new(),
            downloads => format!("{}, ", count(downloads as usize, "unfinished download")),
        };
        let unfinished = match document.unfinished {
            0 => String::new(),
            _ => "what killed processes left, ".to_owned(),
        };
        let freed = Size(document.bytes);
        let rest = format!("{records}{downloads}{unfinished}{compressed}");
        let what = format!("{entries}, {objects}, {views}{rest}{freed}");
        let mut text = match (self.undo, self.dry_run) {
            (true, _) => format!(
                "taken back: {}",
                count(document.restored as usize, "object")
            ),
            _ if document.objects == 0
                && document.entries == 0
                && document.bytes == 0
                && document.records == 0
                && document.downloads == 0
                && document.unfinished == 0 =>
            {
                "nothing to free".to_owned()
            }
            (_, true) => format!("would free {what} ({} bytes)", document.bytes),
            _ => format!("freed {what}"),
        };
        if !document.forgotten.is_empty() {
            let would = if self.dry_run {
                "would forget"
            } else {
                "forgot"
            };
            text = format!("{would} {}; {text}", document.forgotten.join(", "));
        }
        if document.pending > 0 {
            let pending = count(document.pending as usize, "object");
            let bytes = Size(document.pending_bytes);
            text.push_str(&format!(
                "; {pending}, {bytes} wait for their time (`store gc --undo` takes them back)"
            ));
        }
        output::print(format!(
            "{text}; {} kept\n",
            count(document.kept as usize, "entry")
        ))?;
        Ok(exit)
    }
}

impl Arguments {
    /// The generations that are to be forgotten.
    fn forgotten(
        &self,
        store: &Store,
        context: &Context,
    ) -> Result<BTreeSet<(RootName, u32)>, Failure> {
        let release = context.release();
        let mut forgotten = BTreeSet::new();
        for text in &self.forget {
            let root = match text.contains('@') {
                true => None,
                false => subject::root(store, text, release.as_deref())?,
            };
            let Some(root) = root else {
                let found = subject::find(store, text, release.as_deref())?;
                let none = || {
                    Failure::new(
                        Exit::Usage,
                        format!("{text} is an entry; name a generation, as NAME@N"),
                    )
                };
                forgotten.insert(found.generation.ok_or_else(none)?);
                continue;
            };
            for generation in store.generations(&root)? {
                forgotten.insert((root.clone(), generation.number));
            }
        }
        Ok(forgotten)
    }
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "KiB" => 1u64 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err("write a number and a unit: 512KiB, 64MiB, 4GiB".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number and a unit: 64MiB".to_owned())?;
    Ok(number.saturating_mul(unit))
}

fn grace(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err("write a number and a unit: 30s, 15min, 12h, 7d, 2w".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number and a unit: 30s, 15min".to_owned())?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_a_number_and_a_unit() {
        assert_eq!(grace("15min"), Ok(Duration::from_secs(900)));
        assert!(grace("15").is_err() && grace("min").is_err() && grace("1y").is_err());
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert!(size("64").is_err() && size("MiB").is_err() && size("1MB").is_err());
    }
}
