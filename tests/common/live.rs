//! `sipreel record`, running while a test goes on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Metrics;

/// A recorder that ends with the test.
#[derive(Debug)]
pub(crate) struct Recorder {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    listening: Option<JoinHandle<()>>,
}

/// Long enough for a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

impl Recorder {
    pub(crate) fn start(command: &mut Command) -> Recorder {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let heard = Arc::clone(&said);
        let listening = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().expect("nobody panics").push(line);
            }
        });
        Recorder { child, said, listening: Some(listening) }
    }

    /// What it said so far on stderr.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().expect("nobody panics").clone()
    }

    /// Waits for a line with these words, and gives it.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.said().into_iter().find(|line| line.contains(words)) {
                return line;
            }
            let ended = self.child.try_wait().expect("it can be asked").is_some();
            assert!(!ended && begun.elapsed() < PATIENCE, "{words:?}: {:?}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where it listens for HEP.
    pub(crate) fn agents(&mut self) -> SocketAddr {
        address(&self.wait_for("HEP to "), "HEP to ")
    }

    /// Status line and body of what is at `path`.
    pub(crate) fn ask(&mut self, path: &str) -> (String, String) {
        let address = address(&self.wait_for("metrics at http://"), "http://");
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: sipreel\r\nConnection: close\r\n\r\n")
            .expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.lines().next().expect("a status").to_owned(), body.to_owned())
    }

    /// Waits until a metric has that value, and gives all of them. Each scrape on the way keeps the sum rule.
    pub(crate) fn wait_until(&mut self, metric: &str, value: f64) -> Metrics {
        let begun = Instant::now();
        loop {
            let metrics = Metrics::parse(&self.ask("/metrics").1);
            let sum = metrics.sum("sipreel_calls_total") + metrics.sum("sipreel_calls_active");
            assert_eq!(sum, metrics.sum("sipreel_calls_seen_total"));
            if metrics.of(metric) == value {
                return metrics;
            }
            let now = metrics.of(metric);
            assert!(begun.elapsed() < PATIENCE, "{metric} is {now}, not {value}: {:?}", self.said());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    }

    /// Its standard input, where that is a pipe.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// Asks it to end by SIGINT; gives the exit code and all it said.
    pub(crate) fn end(self) -> (Option<i32>, Vec<String>) {
        self.signal("-INT");
        self.wait()
    }

    /// Waits until it ends by itself; gives the exit code and all it said.
    pub(crate) fn wait(mut self) -> (Option<i32>, Vec<String>) {
        let status = self.child.wait().expect("it ends");
        self.listening.take().map(JoinHandle::join).expect("once").expect("nobody panics");
        (status.code(), self.said())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address behind `before` in a line.
fn address(line: &str, before: &str) -> SocketAddr {
    let rest = line.split(before).nth(1).unwrap_or_else(|| panic!("{before:?} in {line:?}"));
    let end = rest.find(['/', ',', ' ']).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|_| panic!("an address in {line:?}"))
}
