//! A PostgreSQL server: whether what it has acknowledged stays, and whether it has room for the
//! servers.

use signet_engine::{
    clock::SystemClock,
    db::{Look, PostgresFacts},
    service::activity,
};

use super::{Finding, failed_statement};

const SETTINGS: &str = "database settings";
const DURABLE: &str = "durability";
const CONNECTIONS: &str = "connections";
const RIGHTS: &str = "permissions";
const STANDBY: &str = "primary";
const PRIVATE: &str = "encryption";

/// The connections that one server opens at most (docs/OPERATIONS.md).
const EACH_SERVER: i64 = 36;
/// The version that the tests run on is a later one; earlier ones get no repairs any more.
const LEAST_VERSION: i64 = 140_000;

/// Checks the server.
pub async fn check(look: &mut Look) -> Vec<Finding> {
    let facts = match look.postgres_facts().await {
        Ok(Some(facts)) => facts,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![failed_statement(SETTINGS, &error)],
    };
    // A database without tables has no servers.
    let servers = activity::servers(look, &SystemClock).await.map_or(0, |servers| servers.len());
    of_facts(&facts, servers)
}

fn of_facts(facts: &PostgresFacts, servers: usize) -> Vec<Finding> {
    vec![settings(facts), durable(facts), connections(facts, servers), rights(facts), standby(facts), private(facts)]
}

fn setting<'f>(facts: &'f PostgresFacts, name: &str) -> &'f str {
    facts.settings.get(name).map_or("", String::as_str)
}

fn settings(facts: &PostgresFacts) -> Finding {
    let (version, zone) = (setting(facts, "server_version"), setting(facts, "TimeZone"));
    if facts.encoding != "UTF8" {
        let says = format!("the database has the encoding {}", facts.encoding);
        return Finding::failed(SETTINGS, says, "make a database with the encoding UTF8, and move to it");
    }
    if facts.version < LEAST_VERSION {
        let says = format!("PostgreSQL {version} gets no repairs any more");
        return Finding::warning(SETTINGS, says, "move to a later version of PostgreSQL");
    }
    if setting(facts, "autovacuum") == "off" {
        let says = format!("PostgreSQL {version}, without autovacuum: tables grow, and statements become slow");
        return Finding::warning(SETTINGS, says, "set `autovacuum = on`");
    }
    Finding::ok(
        SETTINGS,
        format!("PostgreSQL {version}, UTF8, autovacuum; its time zone ({zone}) does not matter: instants are stored"),
    )
}

fn durable(facts: &PostgresFacts) -> Finding {
    for (name, loses) in [
        ("fsync", "a power cut can lose or destroy the database"),
        ("synchronous_commit", "a crash can lose events that were acknowledged"),
        ("full_page_writes", "a power cut can destroy pages of the database"),
    ] {
        if setting(facts, name) == "off" {
            return Finding::failed(DURABLE, format!("`{name} = off`: {loses}"), format!("set `{name} = on`"));
        }
    }
    let commit = setting(facts, "synchronous_commit");
    Finding::ok(DURABLE, format!("fsync and full_page_writes are on; synchronous_commit = {commit}"))
}

fn connections(facts: &PostgresFacts, servers: usize) -> Finding {
    let number = |name| setting(facts, name).parse::<i64>().unwrap_or(0);
    let reserved = number("superuser_reserved_connections") + number("reserved_connections");
    let of_server = number("max_connections") - reserved;
    let room = facts.own_limits.into_iter().filter(|limit| *limit >= 0).fold(of_server, i64::min);
    let servers = i64::try_from(servers).unwrap_or(i64::MAX).max(1);
    let needed = servers.saturating_mul(EACH_SERVER);
    let says = format!(
        "{room} for this role, of which {} are open to clients now; {servers} servers take up to {needed}",
        facts.connections
    );
    let advice = "raise max_connections (or the limit of the role or of the database), or run fewer servers";
    if room < needed {
        Finding::failed(CONNECTIONS, says, advice)
    } else if room < needed + EACH_SERVER {
        // While an old server stops, a new one has begun.
        Finding::warning(CONNECTIONS, format!("{says}, which leaves no room for one more during an upgrade"), advice)
    } else {
        Finding::ok(CONNECTIONS, says)
    }
}

fn rights(facts: &PostgresFacts) -> Finding {
    if !facts.forbidden_tables.is_empty() {
        let says = format!("the role may not read and write: {}", facts.forbidden_tables.join(", "));
        return Finding::failed(RIGHTS, says, "make the role of Signet the owner of its tables");
    }
    if !facts.may_create {
        let says = "the role may not make tables, as a new version of Signet does";
        return Finding::warning(RIGHTS, says, "`GRANT CREATE, USAGE ON SCHEMA public TO` the role of Signet");
    }
    Finding::ok(RIGHTS, "the role may read and write all tables, and make new ones")
}

fn standby(facts: &PostgresFacts) -> Finding {
    if !facts.is_standby {
        return Finding::ok(STANDBY, "the server takes writes");
    }
    let lag = facts.lag.map_or_else(|| "by an unknown time".to_owned(), |seconds| format!("by {seconds:.1} s"));
    Finding::failed(
        STANDBY,
        format!("the server is a standby, behind {lag}, and takes no writes"),
        "name the primary with --database, or all of its hosts with `target_session_attrs=read-write`",
    )
}

fn private(facts: &PostgresFacts) -> Finding {
    if facts.is_private {
        return Finding::ok(PRIVATE, "the connection is encrypted, or stays on this machine");
    }
    Finding::warning(
        PRIVATE,
        "the connection goes over a network without encryption",
        "add `?sslmode=verify-full` to --database, unless the network is your own",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::doctor::Verdict;

    fn facts(changes: &[(&str, &str)]) -> PostgresFacts {
        let usual = [
            ("max_connections", "100"),
            ("superuser_reserved_connections", "3"),
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
            ("autovacuum", "on"),
            ("server_version", "17.2"),
            ("TimeZone", "Asia/Tokyo"),
        ];
        let pairs = usual.iter().chain(changes).map(|&(name, value)| (name.to_owned(), value.to_owned()));
        PostgresFacts {
            version: 170_002,
            settings: pairs.collect::<BTreeMap<_, _>>(),
            encoding: "UTF8".to_owned(),
            is_standby: false,
            lag: None,
            connections: 5,
            own_limits: [-1, -1],
            may_create: true,
            forbidden_tables: Vec::new(),
            is_private: true,
        }
    }

    fn not_ok(facts: &PostgresFacts, servers: usize) -> Vec<(&'static str, Verdict)> {
        let findings = of_facts(facts, servers).into_iter().filter(|finding| finding.result != Verdict::Ok);
        findings.map(|finding| (finding.check, finding.result)).collect()
    }

    #[test]
    fn a_usual_server_is_well() {
        assert_eq!(not_ok(&facts(&[]), 1), []);
    }

    #[test]
    fn each_setting_that_loses_or_slows_is_told() {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            assert_eq!(not_ok(&facts(&[(name, "off")]), 1), [(DURABLE, Verdict::Failed)], "{name}");
        }
        assert_eq!(not_ok(&facts(&[("autovacuum", "off")]), 1), [(SETTINGS, Verdict::Warning)]);
        assert_eq!(
            not_ok(&PostgresFacts { encoding: "LATIN1".into(), ..facts(&[]) }, 1),
            [(SETTINGS, Verdict::Failed)]
        );
        assert_eq!(not_ok(&PostgresFacts { version: 130_001, ..facts(&[]) }, 1), [(SETTINGS, Verdict::Warning)]);
    }

    #[test]
    fn connections_are_counted_against_the_servers() {
        // 97 are left for clients: two servers of 36 take 72, one leaves room for one more.
        assert_eq!(not_ok(&facts(&[]), 1), []);
        assert_eq!(not_ok(&facts(&[]), 2), [(CONNECTIONS, Verdict::Warning)]);
        assert_eq!(not_ok(&facts(&[]), 3), [(CONNECTIONS, Verdict::Failed)]);
        assert_eq!(not_ok(&PostgresFacts { own_limits: [10, -1], ..facts(&[]) }, 0), [(CONNECTIONS, Verdict::Failed)]);
    }

    #[test]
    fn rights_a_standby_and_a_bare_connection_are_told() {
        let forbidden = PostgresFacts { forbidden_tables: vec!["events".into()], ..facts(&[]) };
        assert_eq!(not_ok(&forbidden, 1), [(RIGHTS, Verdict::Failed)]);
        assert_eq!(not_ok(&PostgresFacts { may_create: false, ..facts(&[]) }, 1), [(RIGHTS, Verdict::Warning)]);
        let standby = PostgresFacts { is_standby: true, lag: Some(2.5), ..facts(&[]) };
        assert_eq!(not_ok(&standby, 1), [(STANDBY, Verdict::Failed)]);
        assert!(of_facts(&standby, 1).iter().any(|finding| finding.says.contains("behind by 2.5 s")));
        assert_eq!(not_ok(&PostgresFacts { is_private: false, ..facts(&[]) }, 1), [(PRIVATE, Verdict::Warning)]);
    }
}
