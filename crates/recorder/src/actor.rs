//! Who runs the program, as the system knows them.

use std::fs;

use store::Actor;

/// Whoever runs this, doing something by that command.
pub(crate) fn of(command: &str) -> Actor {
    let uid = rustix::process::getuid().as_raw();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Actor { uid, user: name(&passwd, uid), by: command.to_owned() }
}

/// The name of a user by passwd(5): `name:password:uid:...`. Users of a directory service have their number alone.
fn name(passwd: &str, uid: u32) -> Option<String> {
    let fields = |line: &'_ str| {
        let mut fields = line.split(':').map(str::to_owned);
        Some((fields.next()?, fields.nth(1)?.parse::<u32>().ok()?))
    };
    passwd.lines().filter_map(fields).find(|(_, number)| *number == uid).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_their_names() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name(passwd, 1000).as_deref(), Some("ana"));
        assert_eq!(name(passwd, 7), None);
        assert_eq!(of("calls show").by, "calls show");
    }
}
