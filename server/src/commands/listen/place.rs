//! The place up to which the stream was handed on, and the events around it.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use signet_model::EventId;

/// The time for which events are remembered: a stream that is opened anew tells those of the
/// last half minute again.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// The place up to which the stream was handed on.
#[derive(Debug)]
pub struct Place {
    last_seen: Option<String>,
    posted: BTreeSet<EventId>,
    file: Option<PathBuf>,
}

impl Place {
    /// The place that the file holds, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or holds another thing.
    pub fn read(file: Option<PathBuf>) -> anyhow::Result<Self> {
        let last_seen = file.as_deref().map(read).transpose()?.flatten();
        Ok(Self { last_seen, posted: BTreeSet::new(), file })
    }

    /// The id of the last message that was handed on.
    pub fn last_seen(&self) -> Option<&str> {
        self.last_seen.as_deref()
    }

    /// Returns true if the event was not told before, and remembers it.
    pub fn is_new(&mut self, event: EventId) -> bool {
        self.posted.insert(event)
    }

    /// Notes that all up to a message was handed on.
    ///
    /// # Errors
    /// The file cannot be written; the place itself is noted.
    pub fn note(&mut self, id: &str) -> anyhow::Result<()> {
        if let Ok(place) = id.parse::<EventId>() {
            let oldest = EventId::new(place.created_at() - REMEMBERED_FOR, [0; 10]);
            self.posted = self.posted.split_off(&oldest);
        }
        self.last_seen = Some(id.to_owned());
        let Some(file) = &self.file else { return Ok(()) };
        write(file, id).with_context(|| format!("--resume: {} cannot be written", file.display()))
    }
}

fn read(file: &Path) -> anyhow::Result<Option<String>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("--resume: {} cannot be read", file.display()))?,
    };
    let id = text.trim();
    id.parse::<EventId>().with_context(|| format!("--resume: {} holds no place of a stream", file.display()))?;
    Ok(Some(id.to_owned()))
}

/// Replaces the file as a whole, so that it never holds a half.
fn write(file: &Path, id: &str) -> io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, id)?;
    fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn event(seconds: i64) -> EventId {
        EventId::new(Timestamp::from_unix_seconds(1_774_699_200 + seconds), [7; 10])
    }

    #[test]
    fn an_event_is_new_once_and_forgotten_later() {
        let mut place = Place::read(None).expect("no file");
        assert!(place.is_new(event(0)) && !place.is_new(event(0)));
        place.note(&event(60).to_string()).expect("no file");
        assert!(!place.is_new(event(0)));
        place.note(&event(1_000).to_string()).expect("no file");
        assert!(place.posted.is_empty());
    }

    #[test]
    fn the_next_run_goes_on_behind_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("place");
        let mut place = Place::read(Some(file.clone())).expect("no file yet");
        assert_eq!(place.last_seen(), None);
        place.note(&event(1).to_string()).expect("written");
        assert_eq!(Place::read(Some(file.clone())).expect("a place").last_seen(), Some(&*event(1).to_string()));
        fs::write(&file, "other").expect("written");
        assert!(Place::read(Some(file)).expect_err("no place").to_string().contains("holds no place"));
    }
}
