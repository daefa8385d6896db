//! Values of the file, each held against what it may be.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;

use clock::Span;
use toml::Spanned;

use super::file::Set;
use super::problem::Problem;
use super::value::{Bytes, Number, Seconds, Whole};

/// The file whose values are checked.
#[derive(Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Check<'_> {
    /// A whole number in `range`.
    pub(crate) fn whole<T: TryFrom<i64>>(
        self,
        key: &str,
        value: &Set<Whole>,
        range: RangeInclusive<i64>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = value else { return Ok(None) };
        let Whole(number) = *value.get_ref();
        let fitting = Some(number).filter(|number| range.contains(number)).and_then(|n| T::try_from(n).ok());
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        fitting.map(Some).ok_or_else(|| self.out_of_range(key, value, number, &wanted()))
    }

    /// A number of bytes in `range`.
    pub(crate) fn bytes(
        self,
        key: &str,
        value: &Set<Bytes>,
        range: RangeInclusive<i64>,
    ) -> Result<Option<usize>, Problem> {
        let Some(value) = value else { return Ok(None) };
        let Bytes(number) = *value.get_ref();
        let fitting = Some(number).filter(|number| range.contains(number)).and_then(|n| n.try_into().ok());
        let wanted = || format!("{} to {} bytes", range.start(), range.end());
        fitting.map(Some).ok_or_else(|| self.out_of_range(key, value, number, &wanted()))
    }

    /// A number of seconds in `range`.
    pub(crate) fn span(
        self,
        key: &str,
        value: &Set<Seconds>,
        range: RangeInclusive<f64>,
    ) -> Result<Option<Span>, Problem> {
        let Some(value) = value else { return Ok(None) };
        let Seconds(number) = *value.get_ref();
        if range.contains(&number) {
            Ok(Some(Span::from_ns((number * 1e9).round() as i64)))
        } else {
            let wanted = format!("{} to {} seconds", range.start(), range.end());
            Err(self.out_of_range(key, value, number, &wanted))
        }
    }

    /// A number in `range`.
    pub(crate) fn number(
        self,
        key: &str,
        value: &Set<Number>,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Problem> {
        let Some(value) = value else { return Ok(None) };
        let Number(number) = *value.get_ref();
        if range.contains(&number) {
            Ok(Some(number))
        } else {
            let wanted = format!("{} to {}", range.start(), range.end());
            Err(self.out_of_range(key, value, number, &wanted))
        }
    }

    /// An address with its port.
    pub(crate) fn address(self, key: &str, value: &Spanned<String>) -> Result<SocketAddr, Problem> {
        let text = value.get_ref();
        text.parse().map_err(|_| {
            let what = format!("{key}: {text:?} is no address; give one such as 127.0.0.1:9060 or [::]:9060");
            self.problem(value, what)
        })
    }

    /// The name of a header.
    pub(crate) fn header(self, key: &str, value: &Spanned<String>) -> Result<String, Problem> {
        crate::cli::header_name(value.get_ref()).map_err(|what| self.problem(value, format!("{key}: {what}")))
    }

    /// Something that is not empty.
    pub(crate) fn filled(self, key: &str, value: &Spanned<String>) -> Result<String, Problem> {
        match value.get_ref() {
            text if text.is_empty() => {
                Err(self.problem(value, format!("{key}: nothing is given; leave the key out instead")))
            }
            text => Ok(text.clone()),
        }
    }

    fn out_of_range<T>(self, key: &str, value: &Spanned<T>, number: impl Display, wanted: &str) -> Problem {
        self.problem(value, format!("{key}: {number} is out of range; give {wanted}"))
    }

    pub(crate) fn problem<T>(self, value: &Spanned<T>, what: String) -> Problem {
        Problem::at(self.path, self.text, &value.span(), what)
    }
}
