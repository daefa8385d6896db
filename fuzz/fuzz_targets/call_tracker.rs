//! Any traffic through a small tracker: its limits hold after each step, every call is open or over, and at the end
//! every RTP packet is somewhere once.
#![no_main]

use call::{Arrival, Config, End, Orphans, Tracker};
use clock::{Span, Time};
use fuzz::{Step, happen};
use libfuzzer_sys::fuzz_target;
use rtp::{Copying, Frame, Kind, Limits};

const STREAMS: Limits =
    Limits { streams: 6, look_back: Span::from_secs(10), packets: 400, copied_bytes: 100_000 };
const CALLS: usize = 3;

fuzz_target!(|steps: Vec<Step>| {
    let config = Config {
        streams: STREAMS,
        calls: CALLS,
        signalling_bytes: 40_000,
        copying: Copying::Frames,
        orphans: if steps.len().is_multiple_of(2) { Orphans::Drop } else { Orphans::Record },
        ..Config::default()
    };
    let mut tracker = Tracker::new(config);
    let (mut now, mut over, mut offered) = (Time::from_parts(1_700_000_000, 0), 0, 0);
    for step in &steps {
        happen(step, &mut now, &mut |sent| {
            let frame = Frame { bytes: &sent.packet, link: 101, place: None };
            offered += u64::from(rtp::kind(sent.payload()) == Kind::Rtp);
            tracker.handle_datagram(&Arrival {
                at: sent.at,
                flow: sent.flow,
                path: &flow::Path::NONE,
                payload: sent.payload(),
                frame,
            });
        });
        over += closed(&mut tracker, over);
        assert!(tracker.open_calls() <= CALLS && tracker.open_streams() <= STREAMS.streams);
        assert_eq!(tracker.counts().calls_seen, tracker.open_calls() as u64 + over);
    }
    tracker.handle_end(End::CaptureEnd);
    over += closed(&mut tracker, over);
    assert_eq!((tracker.open_calls(), tracker.open_streams()), (0, 0));
    let counts = tracker.counts();
    assert_eq!(counts.calls_seen, over);
    let rtp = counts.rtp;
    assert_eq!(rtp.attached + rtp.orphan + rtp.probation + rtp.malformed + rtp.refused, offered, "{rtp:?}");
});

/// Takes the calls that are over, and gives how many.
fn closed(tracker: &mut Tracker, before: u64) -> u64 {
    let mut count = 0;
    while let Some(call) = tracker.poll_call() {
        assert_eq!(call.number, before + count);
        let _ = (call.state(), call.retransmissions(), call.negotiation.changes());
        count += 1;
    }
    count
}
