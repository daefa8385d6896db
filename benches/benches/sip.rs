//! SIP messages: read, and asked what the tracker asks of each; with the session description that some bring.

use std::fmt;
use std::fs;
use std::path::Path;

use benches::{Held, Load};
use capture::{Input, Replay};
use clock::Span;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sip::Message;
use wire::{Decoded, Decoder, Limits, Link};

fn main() {
    divan::main();
}

/// Where the messages are from.
#[derive(Clone, Copy)]
enum Origin {
    /// The generator: one make of phone, short headers.
    Made,
    /// The captures of real programs in `fixtures/`.
    Fixtures,
    /// The captures of others, where they are beside the project.
    Captures,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Made => "made",
            Origin::Fixtures => "fixtures",
            Origin::Captures => "captures",
        })
    }
}

fn origins() -> Vec<Origin> {
    let mut origins = vec![Origin::Made, Origin::Fixtures];
    origins.extend(Path::new(CAPTURES).is_dir().then_some(Origin::Captures));
    origins
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
const CAPTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures/files");

#[divan::bench(args = origins())]
fn read(bencher: Bencher<'_, '_>, origin: Origin) {
    let messages = messages(origin);
    counted(bencher, &messages).bench_local(|| {
        for message in &messages {
            if let Ok(message) = Message::read(message) {
                black_box((message.call_id(), message.from(), message.to(), message.cseq()));
            }
        }
    });
}

#[divan::bench(args = origins())]
fn read_with_description(bencher: Bencher<'_, '_>, origin: Origin) {
    let mut messages = messages(origin);
    messages.retain(|message| Message::read(message).is_ok_and(|m| m.session_description().is_some()));
    counted(bencher, &messages).bench_local(|| {
        for message in &messages {
            if let Ok(message) = Message::read(message) {
                black_box((message.call_id(), message.from(), message.to(), message.cseq()));
                let _ = black_box(message.session_description().map(sdp::Session::read));
            }
        }
    });
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, messages: &[Vec<u8>]) -> Bencher<'a, 'b> {
    let bytes: usize = messages.iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(messages.len())).counter(BytesCount::new(bytes))
}

/// Every datagram that looks like SIP.
fn messages(origin: Origin) -> Vec<Vec<u8>> {
    match origin {
        Origin::Made => {
            let load = Load { calls: 200, seconds: 0, stagger: Span::from_ms(25), ..Load::default() };
            Held::of(load).arrivals().map(|arrival| arrival.payload.to_vec()).collect()
        }
        Origin::Fixtures => messages_in(FIXTURES),
        Origin::Captures => messages_in(CAPTURES),
    }
}

fn messages_in(folder: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).expect("the folder of captures is there").flatten();
    let mut files: Vec<Input> = files.map(|file| Input::File(file.path())).collect();
    files.retain(|file| {
        file.path().extension().is_some_and(|extension| extension.to_string_lossy().contains("cap"))
    });
    // Damaged ones are among the captures: what can be read of them counts.
    let (mut replay, _) = Replay::open(&files);
    let mut decoder = Decoder::new(Limits::default());
    let mut messages = Vec::new();
    loop {
        match replay.next() {
            Ok(Some(frame)) => {
                let decoded = decoder.decode(frame.at, Link::from(frame.link), frame.bytes);
                if let Decoded::Datagram(datagram) = decoded
                    && sip::sniff(datagram.payload)
                {
                    messages.push(datagram.payload.to_vec());
                }
            }
            Ok(None) => return messages,
            Err(_) => {}
        }
    }
}
