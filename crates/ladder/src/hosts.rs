//! The hosts of a ladder, in the order of their appearance, and the names that stand above their lines.

use std::collections::HashMap;

use flow::Endpoint;

use crate::step::Step;

/// Hosts and ports, each with its place.
pub(crate) struct Hosts {
    pub(crate) endpoints: Vec<Endpoint>,
    places: HashMap<Endpoint, usize>,
}

impl Hosts {
    pub(crate) fn of(steps: &[Step]) -> Hosts {
        let mut hosts = Hosts { endpoints: Vec::new(), places: HashMap::new() };
        for endpoint in steps.iter().flat_map(|step| [step.flow.source, step.flow.destination]) {
            hosts.places.entry(endpoint).or_insert_with(|| {
                hosts.endpoints.push(endpoint);
                hosts.endpoints.len() - 1
            });
        }
        hosts
    }

    /// The places of a step's source and destination.
    pub(crate) fn places(&self, step: &Step) -> (usize, usize) {
        let place = |endpoint| self.places.get(&endpoint).copied().unwrap_or_default();
        (place(step.flow.source), place(step.flow.destination))
    }

    /// The ways to name every host, the best first. A name has one line or two.
    pub(crate) fn namings(&self) -> [Naming; 3] {
        let whole = self.endpoints.iter().map(|host| vec![host.to_string()]).collect();
        let halved =
            self.endpoints.iter().map(|host| vec![host.address.to_string(), format!(":{}", host.port)]);
        let letters = (0..self.endpoints.len()).map(|place| vec![letter(place)]).collect();
        [
            Naming { names: whole, by_letter: false },
            Naming { names: halved.collect(), by_letter: false },
            Naming { names: letters, by_letter: true },
        ]
    }

    /// What the letters stand for, a line each.
    pub(crate) fn legend(&self) -> String {
        let lines = self.endpoints.iter().enumerate();
        lines.map(|(place, host)| format!("{:>4}  {host}\n", letter(place))).collect()
    }
}

/// One way to name the hosts.
pub(crate) struct Naming {
    /// The lines of each host's name.
    pub(crate) names: Vec<Vec<String>>,
    /// Is there a legend to explain them?
    pub(crate) by_letter: bool,
}

impl Naming {
    /// How wide the widest is.
    pub(crate) fn width(&self) -> usize {
        self.names.iter().flatten().map(String::len).max().unwrap_or_default()
    }

    /// How many lines they have.
    pub(crate) fn height(&self) -> usize {
        self.names.iter().map(Vec::len).max().unwrap_or_default()
    }
}

/// A to Z, then AA, AB and so on.
pub(crate) fn letter(place: usize) -> String {
    let (before, last) = (place / 26, place % 26);
    let last = char::from(b'A' + last as u8);
    if before == 0 { last.to_string() } else { format!("{}{last}", letter(before - 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_behind_z() {
        let letters: Vec<_> = [0, 25, 26, 51, 52, 701, 702].map(letter).into();
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
