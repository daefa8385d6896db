//! Making families: the prefix, the HELP and every child of a closed set in one step.

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result,
};

/// A label's name and all its values.
pub(super) type Set<'a> = (&'static str, &'a [&'a str]);

/// Registers families; their names are constants of this crate, so that none can fail but by a fault of ours.
pub(super) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    /// One counter.
    pub(super) fn total(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::with_opts(opts(name, help)))
    }

    /// A counter for each combination of labels.
    pub(super) fn totals(&self, name: &str, help: &str, sets: &[Set<'_>]) -> Labelled<IntCounter> {
        self.labelled(IntCounterVec::new(opts(name, help), &names(sets)), sets)
    }

    /// A counter of seconds for each label.
    pub(super) fn seconds(&self, name: &str, help: &str, set: Set<'_>) -> Labelled<Counter> {
        self.labelled(CounterVec::new(opts(name, help), &names(&[set])), &[set])
    }

    /// One number that goes up and down.
    pub(super) fn level(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::with_opts(opts(name, help)))
    }

    /// Such a number for each label.
    pub(super) fn levels(&self, name: &str, help: &str, set: Set<'_>) -> Labelled<IntGauge> {
        self.labelled(IntGaugeVec::new(opts(name, help), &names(&[set])), &[set])
    }

    /// One point in time.
    pub(super) fn time(&self, name: &str, help: &str) -> Gauge {
        self.add(Gauge::with_opts(opts(name, help)))
    }

    /// A point in time for each label.
    pub(super) fn times(&self, name: &str, help: &str, set: Set<'_>) -> Labelled<Gauge> {
        self.labelled(GaugeVec::new(opts(name, help), &names(&[set])), &[set])
    }

    /// A ratio for each label.
    pub(super) fn ratios(&self, name: &str, help: &str, set: Set<'_>) -> Labelled<Gauge> {
        self.times(name, help, set)
    }

    /// A histogram; a value on a bucket's bound falls into it.
    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts { common_opts: opts(name, help), buckets: buckets.to_vec() };
        self.add(Histogram::with_opts(opts))
    }

    /// The build, whose labels are its value.
    pub(super) fn build(&self, version: &str, revision: &str) {
        let opts = opts("build_info", "The build that runs; always 1.");
        let build = self.add(IntGaugeVec::new(opts, &["version", "revision"]));
        build.with_label_values(&[version, revision]).set(1);
    }

    fn labelled<B>(&self, family: Result<MetricVec<B>>, sets: &[Set<'_>]) -> Labelled<B::M>
    where
        B: MetricVecBuilder + 'static,
        MetricVec<B>: Collector,
    {
        let family = self.add(family);
        let child = |labels: Vec<&str>| {
            let metric = family.with_label_values(&labels);
            (labels.into_iter().map(str::to_owned).collect(), metric)
        };
        Labelled(combinations(sets).into_iter().map(child).collect())
    }

    fn add<F: Collector + Clone + 'static>(&self, family: Result<F>) -> F {
        let family = family.expect("the names of families and labels are well formed");
        self.0.register(Box::new(family.clone())).expect("each family is registered once");
        family
    }
}

/// The children of a family, one a combination of its closed sets. They are few and set a few times a second.
#[derive(Debug)]
pub(super) struct Labelled<M>(Vec<(Vec<String>, M)>);

impl<M> Labelled<M> {
    /// The child of these labels. A label outside its set is a fault of the caller: a debug build stops, a release
    /// build lets the value go rather than open the set.
    pub(super) fn child(&self, labels: &[&str]) -> Option<&M> {
        let found = self.0.iter().find(|(own, _)| own == labels);
        debug_assert!(found.is_some(), "{labels:?} is outside its closed set");
        found.map(|(_, metric)| metric)
    }

    /// Every child.
    pub(super) fn children(&self) -> impl Iterator<Item = &M> {
        self.0.iter().map(|(_, metric)| metric)
    }
}

impl Labelled<IntCounter> {
    /// Raises the child of these labels to `total`.
    pub(super) fn raise(&self, labels: &[&str], total: u64) {
        if let Some(counter) = self.child(labels) {
            raise(counter, total);
        }
    }
}

impl Labelled<IntGauge> {
    /// Sets the child of these labels.
    pub(super) fn set(&self, labels: &[&str], value: u64) {
        if let Some(gauge) = self.child(labels) {
            set(gauge, value);
        }
    }
}

/// Raises a counter to a total that is counted elsewhere; a total that shrank is no news.
pub(super) fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// Sets a gauge.
pub(super) fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Moves a point in time forward; what comes out of order leaves it where it is.
pub(super) fn advance(gauge: &Gauge, seconds: f64) {
    if seconds.is_finite() && seconds > gauge.get() {
        gauge.set(seconds);
    }
}

/// Observes a value; one that is no number would spoil the sum for good.
pub(super) fn observe(histogram: &Histogram, value: f64) {
    if value.is_finite() {
        histogram.observe(value);
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("sipreel")
}

fn names(sets: &[Set<'_>]) -> Vec<&'static str> {
    sets.iter().map(|(name, _)| *name).collect()
}

/// Every combination of one value of each set.
fn combinations<'a>(sets: &[Set<'a>]) -> Vec<Vec<&'a str>> {
    sets.iter().fold(vec![Vec::new()], |shorter, (name, values)| {
        debug_assert!(!values.is_empty(), "{name} has no values: its family would be missing");
        debug_assert!(
            values.iter().all(|value| is_word(value)),
            "{name} has a value that is no word: {values:?}"
        );
        let longer = |labels: &Vec<&'a str>| {
            let labels = labels.clone();
            values.iter().map(move |value| labels.iter().copied().chain([*value]).collect())
        };
        shorter.iter().flat_map(longer).collect()
    })
}

/// Whether a label says what kind of thing is counted, and not which one: no number, address or free text.
fn is_word(value: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    value.bytes().all(known) && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_only_grows() {
        let registry = Registry::new();
        let family = Register(&registry).totals("x_total", "X.", &[("kind", &["a", "b"])]);
        let read = |label| family.child(&[label]).map(IntCounter::get);
        family.raise(&["a"], 5);
        family.raise(&["a"], 3);
        assert_eq!((read("a"), read("b")), (Some(5), Some(0)));
        family.raise(&["a"], u64::MAX);
        assert_eq!(read("a"), Some(u64::MAX));
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "closed set"))]
    fn a_set_stays_closed() {
        let registry = Registry::new();
        let family = Register(&registry).totals("x_total", "X.", &[("kind", &["a"])]);
        family.raise(&["192.0.2.1"], 1);
        assert_eq!(family.children().count(), 1);
    }

    #[test]
    fn combinations_are_all_there() {
        let sets: &[Set<'_>] = &[("one", &["a", "b"]), ("two", &["c", "d", "e"])];
        let joined: Vec<String> = combinations(sets).iter().map(|labels| labels.concat()).collect();
        assert_eq!(joined, ["ac", "ad", "ae", "bc", "bd", "be"]);
    }

    #[test]
    fn words_are_no_numbers() {
        for word in ["INVITE", "2xx", "start_line", "rfc4733"] {
            assert!(is_word(word), "{word}");
        }
        for other in ["", "200", "192.0.2.1", "2001:db8::1", "a b", "0x8c62ec6e "] {
            assert!(!is_word(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_observed() {
        let registry = Registry::new();
        let histogram = Register(&registry).histogram("x", "X.", &[1.0]);
        for value in [f64::NAN, f64::INFINITY, 0.5] {
            observe(&histogram, value);
        }
        assert_eq!((histogram.get_sample_count(), histogram.get_sample_sum()), (1, 0.5));
        let time = Register(&registry).time("y", "Y.");
        for seconds in [2.0, f64::NAN, 1.0] {
            advance(&time, seconds);
        }
        assert_eq!(time.get(), 2.0);
    }
}
