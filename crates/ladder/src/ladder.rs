//! The messages of a capture, in their order, the repeated ones told from the new.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use capture::{Error, Input, Replay};
use flow::Flow;
use sip::Message;
use wire::{Decoded, Decoder, Limits, Link};

use crate::picture;
use crate::step::Step;
use crate::svg;

/// The signalling of a call.
#[derive(Default, Debug)]
pub struct Ladder {
    /// The messages, in the order of their times.
    pub steps: Vec<Step>,
    /// How many messages there were beyond [`Ladder::MOST_STEPS`].
    pub omitted: u64,
    /// What ended the reading early; the steps are those that came before.
    pub damage: Option<Error>,
}

impl Ladder {
    /// How many messages are kept.
    pub const MOST_STEPS: usize = 4096;

    /// Reads the SIP messages of a capture file, packed or not. Other frames are passed over.
    ///
    /// # Errors
    /// Where the file cannot be opened, or is no capture. One that is damaged further on gives what came before.
    pub fn read(path: &Path) -> Result<Ladder, Error> {
        let (mut replay, errors) = Replay::open(&[Input::File(path.to_owned())]);
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let mut decoder = Decoder::new(Limits::default());
        let mut read = Read::default();
        loop {
            match replay.next() {
                Ok(Some(frame)) => {
                    let decoded = decoder.decode(frame.at, Link::from(frame.link), frame.bytes);
                    if let Decoded::Datagram(datagram) = decoded
                        && sip::sniff(datagram.payload)
                        && let Ok(message) = Message::read(datagram.payload)
                    {
                        read.take(Step::new(frame.at, datagram.flow, &message), &message);
                    }
                }
                Ok(None) => return Ok(read.finish(None)),
                Err(error) => return Ok(read.finish(Some(error))),
            }
        }
    }

    /// The ladder as text of `width` columns, a line feed behind each line: a vertical line for each host and port in
    /// the order of appearance, and an arrow for each message. Where so many hosts do not fit beside each other, one
    /// line for each message instead. Times are UTC.
    #[must_use]
    pub fn draw(&self, width: usize) -> String {
        picture::draw(&self.steps, self.omitted, width)
    }

    /// The ladder as an SVG that can stand by itself or in a page, whose text colour it takes. Times are UTC.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::draw(&self.steps, self.omitted)
    }
}

/// What was read so far, each step with what tells it from others.
#[derive(Default)]
struct Read {
    steps: Vec<(Step, u64)>,
    omitted: u64,
}

impl Read {
    fn take(&mut self, step: Step, message: &Message<'_>) {
        if self.steps.len() < Ladder::MOST_STEPS {
            let identity = identity(step.flow, message);
            self.steps.push((step, identity));
        } else {
            self.omitted += 1;
        }
    }

    fn finish(mut self, damage: Option<Error>) -> Ladder {
        self.steps.sort_by_key(|(step, _)| step.at);
        let mut seen = HashSet::with_capacity(self.steps.len());
        let marked = self.steps.into_iter().map(|(mut step, identity)| {
            step.retransmission = !seen.insert(identity);
            step
        });
        Ladder { steps: marked.collect(), omitted: self.omitted, damage }
    }
}

/// Equal for a message and its retransmissions. Not all bytes are compared, as a sender may date each copy anew; RSeq
/// tells reliable provisional responses apart (RFC 3262, section 7.1).
fn identity(flow: Flow, message: &Message<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    flow.hash(&mut hasher);
    message.status().hash(&mut hasher);
    message.method().hash(&mut hasher);
    message.call_id().hash(&mut hasher);
    message.cseq().hash(&mut hasher);
    message.branch().hash(&mut hasher);
    for name in ["From", "To", "RSeq"] {
        message.named(name).next().hash(&mut hasher);
    }
    message.body().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn fixture(name: &str) -> Ladder {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
        Ladder::read(&path).unwrap()
    }

    fn labels(ladder: &Ladder) -> Vec<String> {
        let again = |step: &Step| if step.retransmission { " (again)" } else { "" };
        ladder.steps.iter().map(|step| step.label.clone() + again(step)).collect()
    }

    #[test]
    fn reads_an_ordinary_call_and_passes_its_media_over() {
        let ladder = fixture("sipp_pcma_play.pcap");
        assert_eq!(
            labels(&ladder),
            ["INVITE", "100 Trying", "180 Ringing", "200 OK (INVITE)", "ACK", "BYE", "200 OK (BYE)"]
        );
        let details: Vec<_> = ladder.steps.iter().filter_map(|step| step.detail.as_deref()).collect();
        assert_eq!(details, ["SDP PCMA 127.0.0.11:6000 sendrecv", "SDP PCMA 127.0.0.12:6000 sendrecv"]);
        assert!(ladder.damage.is_none());
    }

    #[test]
    fn marks_what_was_sent_again() {
        assert_eq!(
            labels(&fixture("sipp_retransmit.pcap")),
            [
                "INVITE",
                "INVITE (again)",
                "180 Ringing",
                "200 OK (INVITE)",
                "200 OK (INVITE) (again)",
                "200 OK (INVITE) (again)",
                "ACK",
                "BYE",
                "200 OK (BYE)"
            ]
        );
    }

    #[test]
    fn the_hops_of_a_proxy_are_no_retransmissions() {
        let ladder = fixture("kamailio_rtpengine.pcap");
        assert_eq!(ladder.steps.iter().filter(|step| step.label == "INVITE").count(), 2);
        assert!(ladder.steps.iter().all(|step| !step.retransmission), "{}", ladder.draw(100));
    }

    #[test]
    fn a_re_invite_is_none_either() {
        let ladder = fixture("sipp_reinvite_hold.pcap");
        assert_eq!(ladder.steps.iter().filter(|step| step.label == "INVITE").count(), 3);
        assert!(ladder.steps.iter().all(|step| !step.retransmission));
    }

    #[test]
    fn a_cut_file_gives_what_came_before() {
        let whole = std::fs::read(
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sipp_busy_486.pcap"),
        );
        let whole = whole.unwrap();
        let path = std::env::temp_dir().join(format!("ladder-cut-{}.pcap", std::process::id()));
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let ladder = Ladder::read(&path);
        std::fs::remove_file(&path).unwrap();
        let ladder = ladder.unwrap();
        assert_eq!(labels(&ladder), ["INVITE", "100 Trying", "486 Busy Here (INVITE)"]);
        assert!(ladder.damage.is_some_and(|damage| damage.is_warning()));
    }

    #[test]
    fn what_is_no_capture_is_an_error() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(matches!(Ladder::read(&path), Err(Error::NotACapture { .. })));
        assert!(Ladder::read(&path.join("none")).is_err());
    }

    #[test]
    fn keeps_so_many_messages_and_counts_the_rest() {
        let message = Message::read(b"OPTIONS sip:h SIP/2.0\r\n\r\n").unwrap();
        let mut read = Read::default();
        for _ in 0..Ladder::MOST_STEPS + 3 {
            read.take(Step::new(clock::Time::default(), Flow::default(), &message), &message);
        }
        let ladder = read.finish(None);
        assert_eq!((ladder.steps.len(), ladder.omitted), (Ladder::MOST_STEPS, 3));
    }
}
