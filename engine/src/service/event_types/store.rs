//! The catalogue's rows, and changes to them.

use const_format::formatcp;
use signet_model::{
    Timestamp,
    event::{EventType, Reference},
    sql::{Lossy, Stored, Unreadable},
};

use super::{Entry, EventTypeContent, Origin, SaveTypeError, aside, schema::Schema};
use crate::{
    actor::Operator,
    audit::Action,
    db::{self, Conn, Tx},
    service::{
        self, Service,
        change::{self, Record},
    },
};

/// The way in which a type is stored to have come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Person,
    File,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::File => "file",
        }
    }
}

/// The types with the columns of [`Row`].
const TYPES: &str =
    "SELECT name, description, schema, sample, reference, source, archived_at, created_at, updated_at, revision
     FROM event_types";

/// The types that were changed after a revision (`$1`).
const CHANGED: &str = formatcp!("{TYPES} WHERE revision > $1 ORDER BY revision");

const REVISION: &str = "SELECT revision FROM catalogue WHERE id = 1";

/// A type as it is stored.
#[derive(Debug, sqlx_macros::FromRow)]
pub(super) struct Row {
    pub(super) name: Stored<EventType>,
    description: Lossy,
    schema: Option<Lossy>,
    sample: Option<Lossy>,
    reference: Option<Stored<Reference>>,
    source: Lossy,
    pub(super) archived_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    revision: i64,
}

impl Row {
    /// The type; `None` if its name is none, since no event could name it.
    fn read(self) -> Option<Entry> {
        let name = self.name.ok()?;
        let schema = self.schema.map(String::from);
        let compiled = schema.as_deref().map(|text| Schema::compile(&name, text)).transpose();
        let (validator, unusable) = match compiled {
            Ok(validator) => (validator, None),
            Err(fault) => (None, Some(Unreadable::new(fault))),
        };
        Some(Entry {
            name,
            description: self.description.0,
            schema,
            sample: self.sample.map(String::from),
            // A name that this version cannot read is as good as none: events come in all the same.
            reference: self.reference.and_then(|it| it.0.ok()),
            origin: if self.source.0 == Source::File.as_str() { Origin::File } else { Origin::Person },
            is_default: false,
            takes_submissions: true,
            archived_at: self.archived_at,
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
            revision: self.revision,
            unusable,
            validator,
        })
    }

    /// True if the type is as a draft has it.
    pub(super) fn is(&self, content: &EventTypeContent, source: Source) -> bool {
        let text = |column: &Option<Lossy>| column.as_ref().map(|it| it.0.clone());
        self.description.0 == content.description.as_str()
            && text(&self.schema) == content.schema
            && text(&self.sample) == content.sample
            && self.reference.as_ref().and_then(|it| it.0.as_ref().ok()) == content.reference.as_ref()
            && self.source.0 == source.as_str()
            && self.archived_at.is_none()
    }

    pub(super) fn is_from_a_file(&self) -> bool {
        self.source.0 == Source::File.as_str()
    }
}

/// Reads the revision of the catalogue.
pub(super) async fn revision(conn: &mut Conn) -> db::Result<i64> {
    conn.query(REVISION).fetch_value().await
}

/// Reads the types that were changed after a revision, and the number of rows that cannot be
/// read among them.
pub(super) async fn changed(conn: &mut Conn, after: i64) -> db::Result<(Vec<Entry>, usize)> {
    let rows: Vec<Row> = conn.query(CHANGED).bind(after).fetch_all().await?;
    let count = rows.len();
    let entries: Vec<_> = aside(move || rows.into_iter().filter_map(Row::read).collect()).await;
    let unreadable = count - entries.len();
    Ok((entries, unreadable))
}

/// Types that cannot be used as they are stored: each name with the reason.
pub(in crate::service) async fn unusable(tx: &mut Tx<'_>) -> db::Result<Vec<(String, String)>> {
    const SQL: &str = "SELECT name, schema FROM event_types ORDER BY name";
    let stored: Vec<(Lossy, Option<Lossy>)> = tx.query(SQL).fetch_all().await?;
    let reason = |name: &str, schema: Option<Lossy>| match (name.parse::<EventType>(), schema) {
        (Err(error), _) => Some(format!("its name {error}")),
        (Ok(name), Some(schema)) => Schema::compile(&name, &schema.0).err().map(|fault| format!("its schema: {fault}")),
        (Ok(_), None) => None,
    };
    let named = stored.into_iter().filter_map(|(name, schema)| Some((reason(&name.0, schema)?, name.0)));
    Ok(named.map(|(reason, name)| (name, reason)).collect())
}

/// A change of the catalogue, one at a time: the row of the revision is locked.
pub(super) struct Change<'e> {
    begun: change::Change<'e>,
    revision: i64,
    now: Timestamp,
}

impl<'e> Change<'e> {
    pub(super) async fn begin(service: &'e Service, operator: &Operator, action: Action) -> service::Result<Self> {
        const SQL: &str = "UPDATE catalogue SET revision = revision + 1 WHERE id = 1 RETURNING revision";
        let mut change = service.change_installation(operator, action).await?;
        let revision = change.tx.query(SQL).fetch_value().await?;
        Ok(Self { begun: change, revision, now: service.clock.now() })
    }

    pub(super) async fn commit(self, record: Record) -> db::Result<()> {
        self.begun.commit(record).await
    }

    pub(super) async fn find(&mut self, name: &EventType) -> db::Result<Option<Row>> {
        const SQL: &str = formatcp!("{TYPES} WHERE name = $1");
        self.begun.tx.query(SQL).bind(name.clone()).fetch_optional().await
    }

    /// Finds a type that is to have a revision.
    pub(super) async fn expect(&mut self, name: &EventType, expected: Option<i64>) -> Result<Row, SaveTypeError> {
        let row = self.find(name).await?.ok_or(SaveTypeError::NotFound)?;
        if expected.is_some_and(|expected| expected != row.revision) {
            return Err(SaveTypeError::Changed);
        }
        Ok(row)
    }

    /// All types.
    pub(super) async fn all(&mut self) -> db::Result<Vec<Row>> {
        self.begun.tx.query(CHANGED).bind(-1_i64).fetch_all().await
    }

    pub(super) async fn count(&mut self) -> db::Result<usize> {
        const SQL: &str = "SELECT count(*) FROM event_types";
        let count: i64 = self.begun.tx.query(SQL).fetch_value().await?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    pub(super) async fn insert(
        &mut self,
        name: &EventType,
        content: &EventTypeContent,
        source: Source,
    ) -> db::Result<()> {
        const SQL: &str =
            "INSERT INTO event_types (name, description, schema, sample, source, created_at, updated_at, revision, reference)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)";
        self.write(SQL, name, content, source).await
    }

    /// Changes a type, which is not archived from then on if a file names it.
    pub(super) async fn update(
        &mut self,
        name: &EventType,
        content: &EventTypeContent,
        source: Source,
    ) -> db::Result<()> {
        const SQL: &str = "UPDATE event_types SET description = $2, schema = $3, sample = $4, source = $5,
               archived_at = CASE WHEN $5 = 'file' THEN NULL ELSE archived_at END, updated_at = $6, revision = $7,
               reference = $8
             WHERE name = $1";
        self.write(SQL, name, content, source).await
    }

    async fn write(
        &mut self,
        sql: &'static str,
        name: &EventType,
        content: &EventTypeContent,
        source: Source,
    ) -> db::Result<()> {
        let query = self.begun.tx.query(sql).bind(name.clone()).bind(content.description.as_str());
        let query = query.bind(content.schema.as_deref()).bind(content.sample.as_deref()).bind(source.as_str());
        let query = query.bind(self.now).bind(self.revision).bind(content.reference.as_ref().map(Reference::as_str));
        query.execute().await.map(drop)
    }

    pub(super) async fn set_archived(&mut self, name: &EventType, archived: bool) -> db::Result<()> {
        const SQL: &str = "UPDATE event_types SET archived_at = $2, updated_at = $3, revision = $4 WHERE name = $1";
        let at = archived.then_some(self.now);
        let query = self.begun.tx.query(SQL).bind(name.clone()).bind(at).bind(self.now);
        query.bind(self.revision).execute().await.map(drop)
    }
}
