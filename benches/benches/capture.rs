//! A capture file read through its mapping, each frame looked at but not into.

use std::io::{BufWriter, Write};

use benches::pcap::Writer;
use benches::{Held, Load};
use capture::{Input, Replay};
use clock::Span;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tempfile::NamedTempFile;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn read_mapped(bencher: Bencher<'_, '_>) {
    let held = Held::of(Load { calls: 100, seconds: 30, stagger: Span::from_ms(25), ..Load::default() });
    let file = NamedTempFile::new().expect("a file can be made");
    let mut writer = Writer::new(BufWriter::new(file)).expect("it can be written");
    for (at, _, frame) in held.frames() {
        writer.frame(at, frame).expect("it can be written");
    }
    let mut buffered = writer.finish().expect("it can be written");
    buffered.flush().expect("it can be written");
    let inputs = [Input::File(buffered.get_ref().path().to_path_buf())];
    bencher.counter(ItemsCount::new(held.len())).counter(BytesCount::new(held.bytes())).bench_local(|| {
        let (mut replay, errors) = Replay::open(&inputs);
        assert!(errors.is_empty());
        let mut count = 0;
        while let Ok(Some(frame)) = replay.next() {
            black_box(frame);
            count += 1;
        }
        assert_eq!(count, held.len());
    });
}
