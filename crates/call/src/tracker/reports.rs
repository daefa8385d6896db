//! What is reported of a call by RTCP and by SIP reaches it, and nothing else.

use super::net::{Net, sdp};
use rtp::Ssrc;

/// A receiver report of `reporter` about `subject` with that share lost, and `lost` in all.
fn receiver_report(reporter: u32, subject: u32, fraction: u8, lost: u8) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7];
    packet.extend(reporter.to_be_bytes());
    packet.extend(subject.to_be_bytes());
    packet.extend([fraction, 0, 0, lost]);
    packet.extend([0; 16]);
    packet
}

#[test]
fn receiver_reports_are_heard_whichever_packets_are_kept() {
    let mut net = Net::new();
    net.set_up();
    net.talk();
    // By the callee on the port above, about the caller's stream; then muxed.
    net.send((3, 6001), (1, 4001), &receiver_report(0xb, 0xa, 64, 3));
    net.send((3, 6000), (1, 4000), &receiver_report(0xb, 0xa, 0, 4));
    // Between strangers.
    net.send((7, 6001), (8, 4001), &receiver_report(0xb, 0xa, 255, 200));
    net.ask("2 BYE", "b", "");
    let call = net.call();
    let told: Vec<_> = call.reported.about(Ssrc(0xa)).collect();
    let reception = told[0].reception.unwrap();
    assert_eq!((told.len(), reception.reports, reception.cumulative_lost), (1, 2, 4));
    assert_eq!(reception.loss_ratio.unwrap().worst, 0.25);
    assert!(call.reports.is_empty(), "they are heard, not kept");
}

#[test]
fn what_is_encrypted_is_not_misread() {
    let mut net = Net::new();
    let secure = |host, port| sdp(host, port, "0", "").replace("RTP/AVP", "RTP/SAVP");
    net.ask("1 INVITE", "", &secure(1, 4000));
    net.answer(200, "1 INVITE", "b", &secure(3, 6000));
    net.ask("1 ACK", "b", "");
    net.talk();
    net.send((3, 6001), (1, 4001), &receiver_report(0xb, 0xa, 64, 3));
    net.ask("2 BYE", "b", "");
    let call = net.call();
    assert_eq!((call.reported.about(Ssrc(0xa)).count(), call.reported.unread), (0, 1));
}

const REPORT: &str = "VQSessionReport: CallTerm\r\nCallID: c1@192.0.2.1\r\nRemoteAddr:IP=192.0.2.3 PORT=6000 SSRC=b\r\n\
                      LocalMetrics:\r\nPacketLoss:NLR=1.5 JDR=0\r\nQualityEst:MOSLQ=3.9\r\n";

/// The phone publishes under a Call-ID of its own.
fn publish(net: &mut Net, cseq: &str) {
    let call_id = std::mem::replace(&mut net.call_id, "of-the-publish".to_owned());
    net.more = "Event: vq-rtcpxr\r\nContent-Type: application/vq-rtcpxr\r\n".to_owned();
    net.ask(cseq, "", REPORT);
    net.call_id = call_id;
}

#[test]
fn a_report_names_its_call_in_its_body() {
    let mut net = Net::new();
    net.set_up();
    net.talk();
    net.ask("2 BYE", "b", "");
    net.answer(200, "2 BYE", "b", "");
    publish(&mut net, "1 PUBLISH");
    publish(&mut net, "2 PUBLISH");
    net.wait(60);
    publish(&mut net, "3 PUBLISH");
    let counts = net.tracker.counts().voice_quality;
    assert_eq!((counts.in_call, counts.elsewhere, counts.refused), (1, 1, 0), "once, and too late");
    let call = net.call();
    assert_eq!(call.voice_quality.len(), 1);
    let report = &call.voice_quality[0].report;
    assert_eq!((report.remote_address.ssrc, report.received.unwrap().mos_lq), (Some(0xb), Some(3.9)));
}

#[test]
fn a_flood_of_reports_takes_no_room() {
    let mut net = Net::new();
    net.set_up();
    for n in 0..100 {
        let body = REPORT.replace("NLR=1.5", &format!("NLR={n}"));
        net.more = "Content-Type: application/vq-rtcpxr\r\n".to_owned();
        net.ask(&format!("{} NOTIFY", n + 2), "b", &body);
    }
    let counts = net.tracker.counts().voice_quality;
    assert_eq!(counts.in_call + counts.refused, 100);
    let call = net.call();
    assert_eq!(call.voice_quality.len() as u64, counts.in_call);
    let last = call.voice_quality.last().unwrap().report.received.unwrap();
    assert_eq!(last.loss_percent, Some(99.0), "the latest is there");
}
