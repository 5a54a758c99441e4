//! `other.xml`: the ten newest changelog entries of each package, oldest first.

use super::Fragment;
use super::filelists::open;
use super::xml::Xml;
use crate::formats::rpm::{Changelog, Record};

/// As many as createrepo_c lists.
const LIMIT: usize = 10;

/// The element of one package.
pub fn package(record: &Record) -> Fragment {
    let mut xml = Xml::new();
    open(&mut xml, record);
    for (entry, date) in dated(&record.changelogs) {
        let date = date.to_string();
        let attributes = [("author", author(&entry.author)), ("date", &date)];
        xml.text("changelog", &attributes, &entry.text);
    }
    xml.close("package");
    xml.finish()
}

/// Oldest first; entries of one day are set a second apart, since clients sort by date alone.
fn dated(changelogs: &[Changelog]) -> Vec<(&Changelog, i64)> {
    let mut dated: Vec<(&Changelog, i64)> = Vec::new();
    // As createrepo_c counts: a run of equal times only ends where another time begins.
    let mut last = 0;
    for entry in changelogs.iter().take(LIMIT) {
        if last == entry.time {
            let mut time = entry.time;
            for (_, date) in dated.iter_mut().rev() {
                if *date != time {
                    break;
                }
                time += 1;
                *date = time;
            }
        } else {
            last = entry.time;
        }
        dated.push((entry, entry.time));
    }
    dated.reverse();
    dated
}

/// Spaces at the end go, but never the first character.
fn author(author: &str) -> &str {
    let trimmed = author.trim_end_matches(' ');
    if trimmed.is_empty() && !author.is_empty() {
        &author[..1]
    } else {
        trimmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_day_keep_their_order() {
        let entry = |time| Changelog {
            author: String::new(),
            time,
            text: String::new(),
        };
        let changelogs = [entry(50), entry(40), entry(40), entry(40), entry(30)];
        let dates: Vec<i64> = dated(&changelogs).iter().map(|(_, date)| *date).collect();
        assert_eq!(dates, [30, 40, 41, 42, 50]);
    }
}
