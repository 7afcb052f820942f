//! The database: whether it can be opened, its schema, and its settings.

use signet_engine::db::{DatabaseUrl, Look, SchemaFacts};

use super::{Finding, Opened, failed_statement, postgres, sqlite};

const CHECK: &str = "database";
const SCHEMA: &str = "schema";

/// Opens the database to read, and checks it.
///
/// # Errors
/// It cannot be opened.
pub async fn open(url: &DatabaseUrl) -> Result<Opened, Finding> {
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        return Ok(Opened { findings: vec![sqlite::not_yet(path)], look: None });
    }
    let advice = "check --database, whether the database runs, and whether this user may read and write it";
    let mut look = Look::at(url).await.map_err(|error| Finding::failed(CHECK, error.to_string(), advice))?;
    let mut findings = vec![Finding::ok(CHECK, format!("{url:?} can be opened"))];
    let schema = look.schema().await;
    findings.push(schema.as_ref().map_or_else(|error| failed_statement(SCHEMA, error), of_schema));
    match url {
        DatabaseUrl::Sqlite(path) => findings.extend(sqlite::check(path, &mut look).await),
        DatabaseUrl::Postgres(_) => findings.extend(postgres::check(&mut look).await),
    }
    // Only tables of this version can be read further.
    if matches!(schema, Ok(SchemaFacts::Same(_) | SchemaFacts::Ahead { .. })) {
        return Ok(Opened { findings, look: Some(look) });
    }
    look.close().await;
    Ok(Opened { findings, look: None })
}

fn of_schema(schema: &SchemaFacts) -> Finding {
    match schema {
        SchemaFacts::Same(version) => Finding::ok(SCHEMA, format!("version {version}, as this binary has it")),
        SchemaFacts::Empty => Finding::ok(SCHEMA, "there is none yet; the first start of a server makes it"),
        SchemaFacts::Behind { found, own } => Finding::warning(
            SCHEMA,
            format!("version {found}; this binary has version {own}"),
            "the next start of a server brings it up to date: make a backup before",
        ),
        SchemaFacts::Ahead { found, own } => Finding::warning(
            SCHEMA,
            format!("version {found}; this binary has version {own}, and can run on it"),
            "a later version of Signet has run on this database: use its binary, unless you are going back",
        ),
        SchemaFacts::BelowFloor { floor, own } => Finding::failed(
            SCHEMA,
            format!("the database needs a binary of version {floor} or later; this one has version {own}"),
            "start a later version of Signet; docs/UPGRADING.md says which",
        ),
        SchemaFacts::Broken(version) => Finding::failed(
            SCHEMA,
            format!("the migration {version} has not ended well"),
            "restore a backup of before, or ask for help with what the log of that start says",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_schema_of_another_version_is_told() {
        for (schema, verdict) in [
            (SchemaFacts::Same(4), Verdict::Ok),
            (SchemaFacts::Empty, Verdict::Ok),
            (SchemaFacts::Behind { found: 3, own: 4 }, Verdict::Warning),
            (SchemaFacts::Ahead { found: 5, own: 4 }, Verdict::Warning),
            (SchemaFacts::BelowFloor { floor: 5, own: 4 }, Verdict::Failed),
            (SchemaFacts::Broken(4), Verdict::Failed),
        ] {
            assert_eq!(of_schema(&schema).result, verdict, "{schema:?}");
        }
    }
}
