//! Rows of the table `took`.

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::Index;
use crate::store::Took;

/// So many of the last steps make a mean: the next one of its topic is most like the last,
/// and another one of its kind like many.
const OF_TOPIC: u32 = 2;
const OF_KIND: u32 = 64;

const PUT: &str = "insert into took (kind, topic, count, seconds) values (?1, ?2, 1, ?3)
    on conflict (kind, topic) do update set
      seconds = seconds + (excluded.seconds - seconds) / min(count + 1, ?4),
      count = count + 1";

const GET: &str = "select seconds from took where kind = ?1 and topic = ?2";

impl Index {
    pub fn took_put(&self, steps: &[Took]) -> Result<()> {
        self.change("noting how long steps took", false, |t| {
            let mut statement = t.prepare_cached(PUT)?;
            for step in steps {
                statement.execute(params![step.kind, step.topic, step.seconds, OF_TOPIC])?;
                statement.execute(params![step.kind, "", step.seconds, OF_KIND])?;
            }
            Ok(())
        })
    }

    pub fn took_get(&self, steps: &[(&str, &str)]) -> Result<Vec<Option<f64>>> {
        self.ask_at_once("looking up how long steps took", |c| {
            let mut statement = c.prepare_cached(GET)?;
            let mut get = |(kind, topic): &(&str, &str)| {
                for topic in [*topic, ""] {
                    let found = statement.query_row([*kind, topic], |row| row.get(0));
                    if let Some(seconds) = found.optional()? {
                        return Ok(Some(seconds));
                    }
                }
                Ok(None)
            };
            steps.iter().map(&mut get).collect()
        })
    }
}
