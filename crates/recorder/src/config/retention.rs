//! `[[retention]]` and `[upkeep]`: which calls are kept how long, and how fast the others go.

use std::time::Duration;

use clock::Span;
use store::retention::{Class, Retention};
use store::{Pattern, Query};

use super::{Config, Problem, file};

/// How often and how fast the recorder deletes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Pace {
    /// From one look to the next.
    pub(crate) every: Duration,
    /// From one deletion to the next.
    pub(crate) between: Duration,
}

const DAY: i64 = 86_400;
/// A hundred years.
const MOST_DAYS: i64 = 36_525;
const PIB: i64 = 1 << 50;

impl Config {
    /// The classes, in their order.
    pub(crate) fn retention(&self) -> Result<Retention, Problem> {
        let mut retention = Retention::default();
        for set in self.file.retention.iter().flatten() {
            let class = self.class(set)?;
            if retention.class(&class.name).is_some() {
                let what = format!("retention: a class {:?} stands before this one", class.name);
                return Err(self.checker().problem(&set.class, what));
            }
            retention.classes.push(class);
        }
        Ok(retention)
    }

    /// How the recorder sees to it.
    pub(crate) fn pace(&self) -> Result<Pace, Problem> {
        let (check, upkeep) = (self.checker(), &self.file.upkeep);
        let every = check.span("upkeep.every_s", &upkeep.every_s, 1.0..=86_400.0)?;
        let rate = check.whole::<u32>("upkeep.deletions_per_s", &upkeep.deletions_per_s, 1..=1000)?;
        Ok(Pace {
            every: every
                .map_or(Duration::from_secs(3600), |every| Duration::from_secs_f64(every.as_secs_f64())),
            between: Duration::from_secs(1) / rate.unwrap_or(20),
        })
    }

    fn class(&self, set: &file::Class) -> Result<Class, Problem> {
        let check = self.checker();
        let name = set.class.get_ref();
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            let what = format!("retention.class: {name:?} is no name; give 1 to 64 of a-z, 0-9, - and _");
            return Err(check.problem(&set.class, what));
        }
        let days = |key: &str, value| check.whole::<i64>(key, value, 0..=MOST_DAYS);
        let span = |days: i64| Span::from_secs(days * DAY);
        let keep = days("retention.days", &set.days)?;
        let bytes = check.bytes("retention.bytes", &set.bytes, 0..=PIB)?;
        if keep.is_none() && bytes.is_none() {
            let what =
                format!("retention: {name:?} says neither days nor bytes, so that nothing would ever go");
            return Err(check.problem(&set.class, what));
        }
        let tags = set.tag.iter().flatten().map(|tag| tag.parse().unwrap_or_else(|never| match never {}));
        Ok(Class {
            name: name.clone(),
            query: Query {
                outcome: set.outcome.clone().unwrap_or_default(),
                tag: tags.collect(),
                flag: set.flag.clone(),
                ..Query::default()
            },
            parties: set.party.iter().flatten().map(|party| Pattern::new(party)).collect(),
            keep: keep.map(span),
            bytes: bytes.map(|bytes| bytes as u64),
            at_least: span(days("retention.at_least_days", &set.at_least_days)?.unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_set_holds() {
        let text = "[[retention]]\nclass = 'short'\ndays = 2\noutcome = ['no_media', 'not_answered']\n\
                    [[retention]]\nclass = 'rest'\nbytes = '1GiB'\nat_least_days = 7\nparty = ['+49*']\ntag = ['case=1*']\n\
                    [upkeep]\nevery_s = 60\ndeletions_per_s = 4";
        let config = Config::parse(Path::new("x"), text.to_owned()).unwrap();
        let classes = config.retention().unwrap().classes;
        assert_eq!(classes[0].keep, Some(Span::from_secs(2 * DAY)));
        assert_eq!((classes[0].query.outcome.len(), classes[0].bytes), (2, None));
        assert_eq!((classes[1].keep, classes[1].bytes), (None, Some(1 << 30)));
        assert_eq!((classes[1].at_least, classes[1].parties.len()), (Span::from_secs(7 * DAY), 1));
        assert_eq!(classes[1].query.tag[0].key, "case");
        let pace = Pace { every: Duration::from_secs(60), between: Duration::from_millis(250) };
        assert_eq!(config.pace().unwrap(), pace);
    }
}
