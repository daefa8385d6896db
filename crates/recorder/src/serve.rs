//! `sipreel serve`: metrics and health over HTTP, and the index to the other commands over the store's socket.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use store::{Index, Outcome, Query, Store};
use web::Server;
use web::metrics::{Metrics, Operation};

use crate::cli::Serve;
use crate::exit::Exit;
use crate::metrics;
use crate::run::open_index;
use crate::signals::Stop;

/// Where it listens without anybody's word on it.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

pub(crate) fn run(arguments: &Serve) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let config = arguments.store.config()?;
    config.check()?;
    let listen = arguments.listen.or(config.listen_of_serve()?).unwrap_or(DEFAULT_LISTEN);
    let store = Store::open(arguments.store.dir_with(&config))?;
    let index = Arc::new(open_index(&store)?);
    let answering = store::socket::serve(&store, Arc::clone(&index))?;
    let metrics = Arc::new(metrics::new().with_process());
    let server = Server::bind(listen)?;
    eprintln!("serving {} at http://{}/metrics", store.dir().display(), server.local_addr());
    let scrape = {
        let (store, index, metrics) = (store.clone(), Arc::clone(&index), Arc::clone(&metrics));
        move || scrape(&store, &index, &metrics)
    };
    let ready = {
        let (store, index) = (store.clone(), Arc::clone(&index));
        move || ready(&store, &index)
    };
    let serving = server.run(scrape, ready)?;
    let (_sender, never) = mpsc::channel::<()>();
    while !stop.is_asked() {
        let _ = never.recv_timeout(Duration::from_millis(200));
    }
    drop(serving);
    drop(answering);
    if let Ok(index) = Arc::try_unwrap(index).map_err(drop) {
        index.close()?;
    }
    Ok(Exit::Done)
}

/// The ledger of the store as it is: every row an ended call with its outcome.
fn scrape(store: &Store, index: &Index, metrics: &Metrics) -> String {
    let begun = Instant::now();
    let counted = count(index);
    let used = index.usage();
    metrics.update(|families| {
        families.storage.observe_query(begun.elapsed().as_secs_f64());
        if let Ok(free) = store.free_bytes() {
            families.storage.set_free(free);
        }
        match (counted, used) {
            (Ok(outcomes), Ok(used)) => {
                families.calls.set_seen(outcomes.values().sum());
                for (outcome, count) in outcomes {
                    families.calls.set_ended(outcome.as_str(), count);
                }
                families.storage.set_used(used.bytes);
            }
            _ => families.storage.failed(Operation::Index),
        }
    });
    debug_assert_eq!(metrics.sum_rule().map_err(|unbalanced| unbalanced.to_string()), Ok(()));
    metrics.encode()
}

fn count(index: &Index) -> Result<BTreeMap<Outcome, u64>, store::Error> {
    let mut outcomes = BTreeMap::new();
    index.each(&Query::default(), |record| {
        *outcomes.entry(record.outcome).or_default() += 1;
        Ok(())
    })?;
    Ok(outcomes)
}

/// Ready while the store can be written and the index answers.
fn ready(store: &Store, index: &Index) -> Result<(), String> {
    Store::open(store.dir()).map_err(|error| error.to_string())?;
    index.query(&Query { limit: Some(1), ..Query::default() }).map(drop).map_err(|error| error.to_string())
}
