//! `sipreel record`: interfaces, and agents that send HEP, to recordings, until it is asked to stop.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use call::End;
use capture::Medium;
use capture::live::{self, Drops, Live, Notice, Options, Origin, STDIN};
use clock::{Span, Time};
use store::{Durability, Store};
use web::Server;
use web::metrics::{Metrics, Source};

use crate::capture_clock::CaptureClock;
use crate::cli::Record;
use crate::config::{self, Config, Problem, Settings};
use crate::exit::Exit;
use crate::metrics;
use crate::progress::Progress;
use crate::replay::filter;
use crate::run::Run;
use crate::selftest::Rehearsals;
use crate::service::Service;
use crate::signals::{Stop, Wishes};
use crate::super_frames::SuperFrames;
use crate::upkeep::{self, Upkeep};
use crate::{confinement, privileges};

pub(crate) fn run(arguments: &Record) -> anyhow::Result<Exit> {
    if arguments.list_interfaces {
        return list_interfaces();
    }
    let common = &arguments.common;
    let config = common.store.config()?;
    let mut settings = Settings::new(common, &config, Durability::Sync)?;
    // The thread that reads must not seal: what comes meanwhile would be lost.
    settings.threads = settings.threads.max(2);
    let options = options(arguments, &config)?;
    let safety = config::Live::new(arguments, &config)?;
    if options.interfaces.is_empty() && options.agents.is_empty() {
        eprintln!(
            "sipreel: nothing to record from; name an interface (-i) or an address for HEP (--hep); -D lists the interfaces"
        );
        return Ok(Exit::Usage);
    }
    let stop = Stop::listen().context("cannot listen for signals")?;
    let wishes = Wishes::listen().context("cannot listen for signals")?;
    let live = Live::open(&options)?;
    if let Some(user) = &arguments.user {
        privileges::become_user(user)?;
    }
    let store = Store::open(&settings.store)?.with_retention(settings.retention.clone());
    if config.confine() {
        confine(&store, common.metrics.as_deref());
    }
    let progress = Progress::new(None, common.quiet);
    let all = (progress, metrics::new().with_process());
    let mut run = Run::new(common, &settings, store.clone(), Medium::default(), all)?;
    // Only now that the index is held: the folders of another recorder look the same.
    let left = store.remove_abandoned()?;
    store.allow_listeners(config.listeners())?;
    upkeep::log_start(&store, &config);
    let upkeep = Upkeep::start(&store, run.index(), settings.pace)?;
    run.take_precautions(left, &Arc::new(settings), &safety);
    let pulse = Pulse::default();
    let listen = arguments.listen.or(config.listen_of_record()?);
    let serving = listen.map(|address| serve(address, &store, run.metrics(), pulse.clone())).transpose()?;
    let rehearsals = selftest_interval(arguments, &config)?
        .map(|interval| Rehearsals::start(interval, store.clone(), Arc::clone(run.metrics())));
    if !common.quiet {
        tell_sources(&options, &live, serving.as_ref().map(|(address, _)| *address));
    }
    let service = Service::ready(&options.interfaces.join(", "));
    let (clock, exit) = (CaptureClock::default(), Exit::Done);
    let super_frames = SuperFrames::on(&options.interfaces);
    let reload = Reload { arguments, config };
    let drops_before = None;
    let mut recording = Recording {
        run,
        store,
        live,
        super_frames,
        clock,
        pulse,
        service,
        wishes,
        reload,
        drops_before,
        exit,
    };
    // Where the index fails, the calls that are open are sealed all the same.
    let ended = recording.until(&stop);
    drop(upkeep);
    let exit = recording.finish(*ended.as_ref().unwrap_or(&End::Shutdown));
    drop((serving, rehearsals));
    ended.and(exit)
}

/// From here on, nothing is written but into the store and beside the file of the metrics.
fn confine(store: &Store, metrics: Option<&Path>) {
    let beside =
        |file: &Path| file.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned);
    let metrics = metrics.map(|file| beside(file).unwrap_or_else(|| ".".into()));
    // A folder in the store may be a link to another disk.
    let folders = [Some(store.dir().to_owned()), Some(store.dir().join("recordings")), metrics];
    confinement::confine(&folders.into_iter().flatten().collect::<Vec<_>>());
}

/// How often the recorder tests itself; `None` for never.
fn selftest_interval(arguments: &Record, config: &Config) -> Result<Option<Duration>, Problem> {
    let set = match arguments.selftest_interval {
        Some(seconds) => Some(Duration::from_secs_f64(seconds)),
        None => config.selftest_interval()?,
    };
    Ok(Some(set.unwrap_or(SELFTEST_INTERVAL)).filter(|interval| !interval.is_zero()))
}

pub(crate) const SELFTEST_INTERVAL: Duration = Duration::from_secs(300);

/// What the command line says, then the configuration.
fn options(arguments: &Record, config: &Config) -> anyhow::Result<Options> {
    let mut options = config.live()?;
    if !arguments.interfaces.is_empty() {
        options.interfaces.clone_from(&arguments.interfaces);
    }
    if !arguments.hep.is_empty() {
        options.agents.clone_from(&arguments.hep);
    }
    if let Some(words) = arguments.filter.clone().or(options.filter.take()) {
        let filter = filter(&words, arguments.common.quiet)?;
        options.filter = Some(filter.read_as().map_or(words, str::to_owned));
    }
    options.buffer_bytes = arguments.buffer_mib.map_or(options.buffer_bytes, |mib| mib << 20);
    options.snaplen = arguments.snaplen.unwrap_or(options.snaplen);
    options.promiscuous &= !arguments.no_promiscuous;
    options.time_stamps = arguments.time_stamp_type.map_or(options.time_stamps, Into::into);
    Ok(options)
}

fn list_interfaces() -> anyhow::Result<Exit> {
    let mut out = stdout().lock();
    for device in live::devices()? {
        let state = if device.up { "up" } else { "down" };
        let about = device.description.into_iter().chain(device.addresses).collect::<Vec<_>>().join(", ");
        writeln!(out, "{:<16} {state:<5} {about}", device.name)?;
    }
    Ok(Exit::Done)
}

fn tell_sources(options: &Options, live: &Live, listen: Option<SocketAddr>) {
    for name in &options.interfaces {
        eprintln!("recording from {}", if name == STDIN { "standard input" } else { name });
    }
    for address in live.agent_addresses() {
        eprintln!("recording from agents that send HEP to {address}, by UDP and TCP");
    }
    if let Some(address) = listen {
        eprintln!("metrics at http://{address}/metrics");
    }
}

/// Serves the metrics as they are brought up to date by the reading thread.
fn serve(
    address: SocketAddr,
    store: &Store,
    metrics: &Arc<Metrics>,
    pulse: Pulse,
) -> Result<(SocketAddr, web::Stop), web::Error> {
    let server = Server::bind(address)?;
    let address = server.local_addr();
    let (store, metrics) = (store.clone(), Arc::clone(metrics));
    let ready = move || {
        pulse.is_felt()?;
        Store::open(store.dir()).map(drop).map_err(|error| error.to_string())
    };
    Ok((address, server.run(move || metrics.encode(), ready)?))
}

/// One live recording under way.
struct Recording<'a> {
    run: Run<'a>,
    store: Store,
    live: Live,
    super_frames: SuperFrames,
    clock: CaptureClock,
    pulse: Pulse,
    service: Service,
    wishes: Wishes,
    reload: Reload<'a>,
    /// When drops were asked for, and how many there were in all.
    drops_before: Option<(Time, u64)>,
    exit: Exit,
}

/// What a configuration that is read anew is held against.
struct Reload<'a> {
    arguments: &'a Record,
    config: Config,
}

impl Reload<'_> {
    /// Reads and checks the configuration; gives what may change now, and what is to be said.
    fn read(&mut self) -> Result<(config::Live, String), Problem> {
        let config = self.arguments.common.store.config()?;
        config.check()?;
        let live = config::Live::new(self.arguments, &config)?;
        let later = config.differs_beyond_safety(&self.config);
        self.config = config;
        let rest = if later { "; what else is new in it takes a restart" } else { "" };
        Ok((live, format!("the configuration was read anew{rest}")))
    }
}

/// How long the sources are waited for at the most; a signal is seen that late.
const WAIT: Duration = Duration::from_millis(100);
/// Between two looks at the time, the sealed calls and the counters.
const TICK: Duration = Duration::from_millis(250);
/// Before the first look.
const SINCE_FIRST: Span = Span::from_ms(250);
/// How long what came before the end may take to be seen.
const LAST_FRAMES: Duration = Duration::from_millis(100);

impl Recording<'_> {
    /// Records until asked to stop, or until nothing can come any more.
    fn until(&mut self, stop: &Stop) -> anyhow::Result<End> {
        let mut next_tick = Instant::now();
        while !stop.is_asked() {
            let taken = self.read();
            if self.live.is_over() {
                return Ok(End::CaptureEnd);
            }
            if Instant::now() >= next_tick {
                self.tick(taken == 0)?;
                next_tick = Instant::now() + TICK;
            }
            if taken == 0 {
                self.live.wait(WAIT);
            }
        }
        Ok(End::Shutdown)
    }

    /// Takes in what is there; gives how many frames.
    fn read(&mut self) -> usize {
        let (run, super_frames, mut last_at) = (&mut self.run, &mut self.super_frames, None);
        let taken = self.live.read(|origin, frame| {
            if origin == Origin::Interface {
                super_frames.saw(frame);
            }
            run.handle_frame_of(source(origin), frame);
            last_at = Some(frame.at);
        });
        if let Some(at) = last_at {
            self.clock.saw(at);
        }
        self.run.seal_without_waiting();
        taken
    }

    fn tick(&mut self, silent: bool) -> anyhow::Result<()> {
        if let Some(now) = self.clock.now().filter(|_| silent) {
            self.run.handle_time(now);
        }
        self.run.seal_without_waiting();
        self.run.look_after()?;
        self.run.enter_done()?;
        self.run.write_rows()?;
        self.tell_notices();
        self.count();
        self.grant_wishes();
        self.note_drops();
        let (packets, bytes) = self.run.seen();
        self.run.progress.show(bytes, packets, self.run.calls());
        self.pulse.beat();
        let calls = self.run.calls();
        self.service.beat(|| format!("{packets} packets, {calls} calls"));
        Ok(())
    }

    fn tell_notices(&mut self) {
        if let Some(told) = self.super_frames.news() {
            self.run.progress.say(&format!("sipreel: {told}"));
        }
        while let Some(notice) = self.live.poll_notice() {
            self.run.progress.say(&format!("sipreel: {notice}"));
            if let Notice::Input(error) = &notice {
                self.exit = self.exit.max(Exit::of_input(error));
            }
        }
    }

    fn grant_wishes(&mut self) {
        let status = self.run.tell_status();
        if self.wishes.poll_status() {
            status.to_string().lines().for_each(|line| self.run.progress.say(line));
        }
        if self.wishes.poll_reload() {
            match self.reload.read() {
                Ok((live, told)) => {
                    self.run.reconfigure(&live);
                    if let Err(error) = self.store.allow_listeners(self.reload.config.listeners()) {
                        self.run.progress.say(&format!("sipreel: {error}"));
                    }
                    self.run.progress.say(&format!("sipreel: {told}"));
                }
                Err(problem) => {
                    self.run.progress.say(&format!("sipreel: the configuration stays as it was: {problem}"));
                }
            }
        }
    }

    fn count(&mut self) {
        for origin in [Origin::Interface, Origin::Agent, Origin::Stdin] {
            self.run.sources.of_mut(source(origin)).drops = self.live.drops(origin);
        }
        self.run.sources.set_agents(self.live.agent_counts());
        self.run.sources.set_super_frames(self.super_frames.seen);
        self.run.metrics();
    }

    /// What was lost since it was asked before, was lost in that while.
    fn note_drops(&mut self) {
        let Some(now) = self.clock.now() else { return };
        let sources = [Source::Interface, Source::Hep, Source::File];
        let dropped =
            sources.map(|source| self.run.sources.of_mut(source).drops).iter().map(Drops::all).sum();
        let (asked_at, before) = self.drops_before.replace((now, dropped)).unwrap_or((now - SINCE_FIRST, 0));
        self.run.handle_capture_loss(asked_at, now, dropped.saturating_sub(before));
    }

    /// Takes in what was captured before the end, and closes the calls that are open.
    fn finish(mut self, end: End) -> anyhow::Result<Exit> {
        self.service.stopping();
        self.live.end();
        let begun = Instant::now();
        while begun.elapsed() < LAST_FRAMES && !self.live.is_over() {
            if self.read() == 0 {
                self.live.wait(LAST_FRAMES.saturating_sub(begun.elapsed()));
            }
        }
        self.tell_notices();
        self.count();
        self.note_drops();
        self.run.handle_end(end);
        Ok(self.exit.max(self.run.finish()?))
    }
}

fn source(origin: Origin) -> Source {
    match origin {
        Origin::Interface => Source::Interface,
        Origin::Agent => Source::Hep,
        Origin::Stdin => Source::File,
    }
}

/// Whether the reading thread still looks after things.
#[derive(Clone)]
struct Pulse {
    begun: Instant,
    /// Milliseconds from the beginning to the last beat.
    last: Arc<AtomicU64>,
}

/// Without a beat for so long something hangs: a disk, mostly.
const NO_PULSE: Duration = Duration::from_secs(10);

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse { begun: Instant::now(), last: Arc::default() }
    }
}

impl Pulse {
    fn beat(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_felt(&self) -> Result<(), String> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let since = self.begun.elapsed().saturating_sub(last);
        if since < NO_PULSE { Ok(()) } else { Err(format!("nothing was recorded for {} s", since.as_secs())) }
    }
}
