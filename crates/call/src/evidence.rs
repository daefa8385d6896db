//! Why a stream is in its call, to be shown: the rule, how sure it is, and which word of whose named what, and when.

use clock::Time;
use flow::Endpoint;

use crate::brought::Naming;
use crate::side::Side;

/// The rule by which a stream was found, the stronger before the weaker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Its destination is what a description names.
    SdpAddress,
    /// Its destination is the described port at the host that sent the description.
    SdpPortSignallingHost,
    /// It is the reverse of a stream of the call.
    Symmetric,
    /// Its source is what a description names.
    Latched,
    /// A connectivity check of ICE with both parties' names went the same way.
    IceCheck,
    /// Its destination is an ICE candidate.
    IceCandidate,
    /// A description announces its SSRC.
    Ssrc,
    /// Its sender's RTCP goes where a description wants RTCP.
    Rtcp,
    /// Its sender's canonical name is in a description.
    Cname,
    /// There is no signalling: it goes between the same two endpoints as the call's other streams.
    Flow,
}

impl Rule {
    /// Every rule, the stronger first.
    pub const ALL: [Rule; 10] = [
        Rule::SdpAddress,
        Rule::SdpPortSignallingHost,
        Rule::Symmetric,
        Rule::Latched,
        Rule::IceCheck,
        Rule::IceCandidate,
        Rule::Ssrc,
        Rule::Rtcp,
        Rule::Cname,
        Rule::Flow,
    ];

    /// The rule's name in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::SdpAddress => "sdp_address",
            Rule::SdpPortSignallingHost => "sdp_port_signalling_host",
            Rule::Symmetric => "symmetric",
            Rule::Latched => "latched",
            Rule::IceCheck => "ice_check",
            Rule::IceCandidate => "ice_candidate",
            Rule::Ssrc => "ssrc",
            Rule::Rtcp => "rtcp",
            Rule::Cname => "cname",
            Rule::Flow => "flow",
        }
    }
}

/// How something of a stream came to be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// A description's own address and port, the described port at the host that sent it, a check or a candidate.
    Named(Naming),
    /// A stream that the call has goes the other way.
    Reverse,
    /// A description announces the SSRC.
    Ssrc,
    /// Its sender's RTCP goes where a description wants RTCP.
    Rtcp,
    /// Its sender's canonical name is in a description.
    Cname,
    /// A stream that the call has goes the same way.
    Flow,
}

impl How {
    /// The word for it in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            How::Named(Naming::Description) => "description",
            How::Named(Naming::SignallingHost) => "signalling_host",
            How::Named(Naming::Checked) => "ice_check",
            How::Named(Naming::Candidate) => "candidate",
            How::Reverse => "reverse",
            How::Ssrc => "ssrc",
            How::Rtcp => "rtcp",
            How::Cname => "cname",
            How::Flow => "flow",
        }
    }
}

/// Which end of a stream something was said of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamEnd {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// One word that speaks for a match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The end of the stream that it is about; `None` where it is about the sender.
    pub end: Option<(StreamEnd, Endpoint)>,
    /// How it came to be known.
    pub how: How,
    /// Whose word it is, or whose the stream that it is about.
    pub by: Side,
    /// When it was said.
    pub at: Time,
}

/// What speaks for a match: the word that the rule rests upon, and one about the source where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// What the rule rests upon.
    pub main: Witness,
    /// The sender named the source as well.
    pub source: Option<Witness>,
}

impl Evidence {
    /// All of it.
    pub fn witnesses(&self) -> impl Iterator<Item = &Witness> {
        std::iter::once(&self.main).chain(&self.source)
    }
}

/// Why a stream is in its call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reason {
    /// By which rule it was found.
    pub rule: Rule,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_stand_in_the_order_of_their_weight_and_each_has_a_name() {
        assert!(Rule::ALL.is_sorted());
        let mut names: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
