//! The reference against the defaults, and what is said of each kind of mistake.

use std::path::Path;

use clock::Span;

use super::*;

fn read(text: &str) -> Result<Config, Problem> {
    let config = Config::parse(Path::new("sipreel.toml"), text.to_owned())?;
    config.check()?;
    Ok(config)
}

fn told(text: &str) -> String {
    read(text).err().unwrap_or_else(|| panic!("{text:?} is in order")).to_string()
}

/// Every key of the reference, those behind a '#' among them.
fn all_keys() -> String {
    let is_key = |line: &str| {
        let name = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ") && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let shown = |line: &'static str| match line.strip_prefix("# ") {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    };
    REFERENCE.lines().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_reference_says_what_holds_without_a_file() {
    let (shown, nothing) = (read(REFERENCE).unwrap(), Config::default());
    let of = |config: &Config| {
        let call = config.call_config().unwrap();
        let wire = config.wire_limits().unwrap();
        let kept = (config.safety().unwrap(), config.retention().unwrap(), config.pace().unwrap());
        format!("{call:?} {wire:?} {:?} {kept:?} {:?}", config.live().unwrap(), config.checks().unwrap())
    };
    assert_eq!(of(&shown), of(&nothing));
    assert_eq!(shown.selftest_interval().unwrap(), Some(crate::record::SELFTEST_INTERVAL));
    assert_eq!(shown.listen_of_record().unwrap(), None);
    assert_eq!(shown.listen_of_serve().unwrap(), Some(crate::serve::DEFAULT_LISTEN));
    assert_eq!(shown.store().as_deref(), Some(Path::new(crate::cli::DEFAULT_STORE)));
}

#[test]
fn the_reference_names_every_key() {
    let text = all_keys();
    read(&text).unwrap();
    let config = Config::parse(Path::new("x"), text).unwrap();
    let debug = format!("{:?}", config.file);
    assert!(!debug.contains("None"), "a key without a line: {debug}");
}

#[test]
fn what_is_set_holds() {
    let text = "keep = 'all'\n[limits]\ncalls = 7\nsignalling_bytes = '2MiB'\nlook_back_s = 0.5\nfragmented_packets = 3\n\
                hep_connections = 9\n[patience]\nmedia_s = 60\n[record]\ninterfaces = ['eth1', 'eth2']\n\
                hep = ['127.0.0.1:9060', '[::]:9061']\nbuffer_mib = 2047\nhep_key = 'k'\nlisten = '127.0.0.1:1'";
    let config = read(text).unwrap();
    let call = config.call_config().unwrap();
    assert_eq!((call.calls, call.signalling_bytes, call.patience.media), (7, 2 << 20, Span::from_secs(60)));
    assert_eq!(call.streams.look_back, Span::from_ms(500));
    assert_eq!(config.wire_limits().unwrap().packets, 3);
    let live = config.live().unwrap();
    assert_eq!((live.interfaces.len(), live.agents.len(), live.connections), (2, 2, 9));
    assert_eq!((live.buffer_bytes, live.key.as_deref()), (2047 << 20, Some(&b"k"[..])));
    assert_eq!(config.listen_of_record().unwrap(), Some("127.0.0.1:1".parse().unwrap()));
}

#[test]
fn each_mistake_has_its_line() {
    let mistakes = [
        "stoer = 'x'",
        "[limits]\ncals = 5",
        "\n\n[limts]\ncalls = 5",
        "[limits]\n# none\ncalls = 0",
        "[limits]\ncalls = -1",
        "[limits]\ncalls = 'many'",
        "[limits]\ncalls = 1.5",
        "[limits]\nstreams = 0",
        "[limits]\npackets = 0",
        "[limits]\nsignalling_bytes = 0",
        "[limits]\nsignalling_bytes = '2MB'",
        "[limits]\ncopied_bytes = 1000",
        "[limits]\nlook_back_s = 0",
        "[limits]\nlook_back_s = nan",
        "[limits]\nfragmented_packets = 0",
        "[limits]\nfragment_bytes = 0",
        "[limits]\nfragment_s = 0",
        "[limits]\nduplicates = 0",
        "[limits]\nduplicate_s = 60",
        "[limits]\nhep_connections = 0",
        "[patience]\nmedia_s = 0",
        "[patience]\ngrace_s = '1 s'",
        "[checks]\nsilence_dbov = 0",
        "[checks]\ndead_air_s = 0",
        "[checks]\nlow_dbov = 'faint'",
        "[checks]\necho_correlation = 2",
        "threads = 0",
        "threads = 1000",
        "digits = 'hide'",
        "keep = 7",
        "[record]\nhep = [\n  '127.0.0.1:9060',\n  'localhost',\n]",
        "[record]\nhep_key = ''",
        "[record]\ninterfaces = ['']",
        "[record]\ninterfaces = 'eth0'",
        "[record]\nsnaplen = 10",
        "[record]\nbuffer_mib = 4096",
        "[record]\njournal_s = 0.1",
        "[record]\nstop_s = 0",
        "[disk]\nwarn_free = -1",
        "[disk]\nstop_free = '1 GB'",
        "[record]\nlisten = '9464'",
        "[serve]\nlisten = ''",
        "[[retention]]\nclass = 'a'",
        "[[retention]]\nclass = 'A b'\ndays = 1",
        "[[retention]]\nclass = 'a'\ndays = -1",
        "[[retention]]\nclass = 'a'\ndays = 1\n[[retention]]\nclass = 'a'\ndays = 2",
        "[[retention]]\nclass = 'a'\ndays = 1\noutcome = ['lovely']",
        "[[retention]]\nclass = 'a'\ndays = 1\nuntil = 3",
        "[[retention]]\ndays = 1",
        "[upkeep]\nevery_s = 0",
        "[upkeep]\ndeletions_per_s = 0",
        "calls = [",
        "store = 'a'\nstore = 'b'",
    ];
    let told: Vec<String> = mistakes.iter().map(|text| format!("{text:?}\n    {}", told(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| Config::read(Some(path)).err().unwrap().to_string();
    let absent = folder.path().join("absent.toml");
    assert!(
        told(&absent).ends_with("absent.toml: no such file; `sipreel config show` prints one to begin with")
    );
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(told(&binary).ends_with("binary.toml: not a text in UTF-8"));
    assert!(told(folder.path()).contains("cannot be read"));
    assert!(Config::read(None).unwrap().check().is_ok());
}
