//! The server as a client sees it: plain sockets, plain bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

const LOOPBACK: &str = "127.0.0.1:0";

fn bind() -> Server {
    Server::bind(LOOPBACK.parse().unwrap()).unwrap()
}

/// A server that is ready and has one metric.
fn started() -> (SocketAddr, Stop) {
    let server = bind();
    let address = server.local_addr();
    (address, server.run(|| "sipreel_x 1\n".to_owned(), || Ok(())).unwrap())
}

/// Sends `request` as it stands; gives the head and the body of what comes back until the server closes.
fn send(address: SocketAddr, request: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.to_lowercase(), body.to_owned())
}

fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    send(address, format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[test]
fn every_path_has_its_answer() {
    let (address, _stop) = started();
    for (method, path, expected, body) in [
        ("GET", "/metrics", "200", "sipreel_x 1\n"),
        ("GET", "/metrics?x=y", "200", "sipreel_x 1\n"),
        ("GET", "/healthz", "200", "ok\n"),
        ("GET", "/readyz", "200", "ok\n"),
        ("HEAD", "/healthz", "200", ""),
        ("GET", "/etc/passwd", "404", "not found; / lists what is here\n"),
        ("GET", "/metrics/", "404", "not found; / lists what is here\n"),
        ("POST", "/metrics", "405", "only GET and HEAD\n"),
        ("DELETE", "/", "405", "only GET and HEAD\n"),
    ] {
        let (head, answered) = ask(address, method, path);
        assert_eq!((status(&head), answered.as_str()), (expected, body), "{method} {path}: {head}");
        assert!(head.contains("\r\nconnection: close"), "{head}");
    }
    let (_, contents) = ask(address, "GET", "/");
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert!(contents.contains(path), "{contents}");
    }
}

#[test]
fn types_are_those_that_scrapers_know() {
    let (address, _stop) = started();
    let (head, _) = ask(address, "GET", "/metrics");
    assert!(head.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    for path in ["/", "/healthz", "/readyz", "/nothing"] {
        let (head, _) = ask(address, "GET", path);
        assert!(head.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"), "{path}: {head}");
    }
    let (head, _) = ask(address, "PUT", "/metrics");
    assert!(head.contains("\r\nallow: get,head\r\n"), "{head}");
}

#[test]
fn readiness_comes_and_goes_with_its_reason() {
    let full = Arc::new(AtomicBool::new(false));
    let server = bind();
    let address = server.local_addr();
    let disk = Arc::clone(&full);
    let ready = move || match disk.load(Ordering::Relaxed) {
        true => Err("the disk is full:\n  /var/lib/sipreel".to_owned()),
        false => Ok(()),
    };
    let _stop = server.run(String::new, ready).unwrap();

    assert_eq!(status(&ask(address, "GET", "/readyz").0), "200");
    full.store(true, Ordering::Relaxed);
    let (head, body) = ask(address, "GET", "/readyz");
    assert_eq!((status(&head), body.as_str()), ("503", "the disk is full: /var/lib/sipreel\n"));
    assert_eq!(status(&ask(address, "GET", "/healthz").0), "200");
    full.store(false, Ordering::Relaxed);
    assert_eq!(status(&ask(address, "GET", "/readyz").0), "200");
}

#[test]
fn every_scrape_asks_anew() {
    let scrapes = AtomicUsize::new(0);
    let server = bind();
    let address = server.local_addr();
    let _stop =
        server.run(move || format!("x {}\n", scrapes.fetch_add(1, Ordering::Relaxed)), || Ok(())).unwrap();
    for expected in ["x 0\n", "x 1\n", "x 2\n"] {
        assert_eq!(ask(address, "GET", "/metrics").1, expected);
    }
}

#[test]
fn a_half_sent_request_blocks_nobody() {
    let (address, _stop) = started();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHos").unwrap();
    assert_eq!(ask(address, "GET", "/metrics").1, "sipreel_x 1\n");

    slow.write_all(b"t: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("sipreel_x 1\n"), "{answer}");
}

#[test]
fn the_silent_are_sent_away_and_their_slots_go_to_others() {
    let mut server = bind();
    server.limits = Limits { connections: 2, stay: Duration::from_secs(1) };
    let address = server.local_addr();
    let _stop = server.run(|| "sipreel_x 1\n".to_owned(), || Ok(())).unwrap();

    let mut slow: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    slow[0].write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    assert_eq!(ask(address, "GET", "/metrics").1, "sipreel_x 1\n");
    for stream in &mut slow {
        // Whether it ends in order or by a reset, it ends, and without an answer.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
}

#[test]
fn a_scrape_that_hangs_keeps_health_from_nobody() {
    let (release, hang) = mpsc::channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    let server = bind();
    let address = server.local_addr();
    let scrape = move || {
        let _ = hang.lock().unwrap().recv();
        String::new()
    };
    let _stop = server.run(scrape, || Ok(())).unwrap();
    let hanging = thread::spawn(move || ask(address, "GET", "/metrics"));
    assert_eq!(ask(address, "GET", "/healthz").1, "ok\n");
    release.send(()).unwrap();
    assert_eq!(status(&hanging.join().unwrap().0), "200");
}

#[test]
fn a_scrape_that_panics_is_one_failed_answer() {
    let server = bind();
    let address = server.local_addr();
    let _stop = server.run(|| panic!("a test's own panic"), || Ok(())).unwrap();
    for _ in 0..2 {
        assert_eq!(status(&ask(address, "GET", "/metrics").0), "500");
    }
    assert_eq!(ask(address, "GET", "/healthz").1, "ok\n");
}

#[test]
fn what_is_sent_along_is_not_read() {
    let (address, _stop) = started();
    let promised = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\nabc";
    assert_eq!(status(&send(address, promised).0), "405");

    // A head without end is cut off; how much of it could still be sent depends on the sockets' buffers.
    let mut endless = TcpStream::connect(address).unwrap();
    let line = [b"X: ".as_slice(), &[b'x'; 4096], b"\r\n"].concat();
    endless.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let sent = (0..100_000).take_while(|_| endless.write_all(&line).is_ok()).count();
    assert!(sent < 100_000);
    assert_eq!(ask(address, "GET", "/healthz").1, "ok\n");
}

#[test]
fn noise_is_no_request() {
    let (address, _stop) = started();
    for noise in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"\r\n \0\r\n\r\n",
    ] {
        assert_eq!(status(&send(address, noise).0), "400");
    }
    assert_eq!(ask(address, "GET", "/healthz").1, "ok\n");
}

#[test]
fn stop_ends_it_whoever_is_still_there() {
    let (address, stop) = started();
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"GET /metrics HTT").unwrap();
    assert_eq!(ask(address, "GET", "/healthz").1, "ok\n");
    stop.stop();

    let mut answer = Vec::new();
    let _ = half.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    // Nobody listens there any more: the port is free.
    drop(Server::bind(address).unwrap());
}

#[test]
fn a_taken_port_says_what_to_do() {
    let first = bind();
    let address = first.local_addr();
    let error = Server::bind(address).unwrap_err();
    assert!(!error.is_permission());
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot listen on {address}: the port is taken; choose another")),
        "{text}"
    );

    // TEST-NET-1 is on no machine (RFC 5737).
    let text = Server::bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
    assert!(text.starts_with("cannot listen on 192.0.2.1:0: this machine has no such address"), "{text}");
}
