//! `sipreel man` and `sipreel completions`: what the help says, as manual pages and for shells. All three come from the
//! one definition of the command line.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::{self, Cli};
use crate::exit::Exit;

/// Writes the words of one shell to standard output.
pub(crate) fn complete(arguments: &cli::Completions) -> anyhow::Result<Exit> {
    // Made whole first: what generates it cannot be told that nobody reads any more.
    let mut words = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), NAME, &mut words);
    stdout().write_all(&words)?;
    Ok(Exit::Done)
}

/// Shows one page, or writes all of them into a folder.
pub(crate) fn run(arguments: &cli::Manual) -> anyhow::Result<Exit> {
    let program = program();
    match (&arguments.to, &arguments.page) {
        (Some(folder), _) => {
            fs::create_dir_all(folder).map_err(store::Error::io("make the folder", folder))?;
            write_all(&program, folder)?;
        }
        (None, page) => {
            let Some(command) = find(&program, page) else {
                eprintln!("sipreel: no command is called {:?}; `sipreel --help` lists them", page.join(" "));
                return Ok(Exit::Usage);
            };
            stdout().write_all(&rendered(command)?)?;
        }
    }
    Ok(Exit::Done)
}

const NAME: &str = "sipreel";

/// The command line, each command knowing its whole name.
fn program() -> Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// The command that stands under those words.
fn find<'a>(program: &'a Command, words: &[String]) -> Option<&'a Command> {
    words.iter().try_fold(program, |command, word| command.find_subcommand(word))
}

/// Writes the page of `command`, and those of all commands below it.
fn write_all(command: &Command, folder: &Path) -> Result<(), store::Error> {
    let path = folder.join(format!("{}.1", command.get_display_name().unwrap_or(NAME)));
    let page = rendered(command).map_err(store::Error::io("write", &path))?;
    fs::write(&path, page).map_err(store::Error::io("write", &path))?;
    command.get_subcommands().try_for_each(|below| write_all(below, folder))
}

fn rendered(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_under_its_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        write_all(&program(), dir.path()).unwrap();
        for (page, said) in [
            ("sipreel.1", "Record every call in capture files"),
            ("sipreel-replay.1", "Captures: pcap or pcapng"),
            ("sipreel-calls-list.1", "Invited at that time or later"),
        ] {
            let text = fs::read_to_string(dir.path().join(page)).unwrap();
            assert!(text.contains(said), "{page}: {text}");
        }
    }

    #[test]
    fn a_page_is_found_by_its_words() {
        let program = program();
        assert_eq!(find(&program, &["calls".into(), "list".into()]).map(Command::get_name), Some("list"));
        assert!(find(&program, &["calls".into(), "lost".into()]).is_none());
        assert_eq!(find(&program, &[]).map(Command::get_name), Some("sipreel"));
    }
}
