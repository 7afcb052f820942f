//! `task.completed`: a task has a solution.

use super::{Definition, Fields, MemberFault, TaskId, fields::write_member};
use crate::payload::Value;

pub(super) const DEFINITION: Definition = Definition {
    name: "task.completed",
    sentence: "A task has finished and its solution is ready.",
    is_default: true,
    sample: r#""taskId":"task_abc123","status":"ready","solution":{"token":"0.mF7gg2kQ","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}"#,
    copy_members,
};

fn copy_members(fields: &mut Fields<'_>, json: &mut String) -> Result<TaskId, MemberFault> {
    let task_id = fields.task_id()?;
    fields.constant("status", "ready")?;
    let solution = fields.required("solution")?;
    if !matches!(solution, Value::Object(_)) {
        return Err(MemberFault::new("solution", format!("must be an object, not {}", solution.kind())));
    }
    write_member("taskId", &task_id, json);
    write_member("status", "ready", json);
    json.push_str(",\"solution\":");
    solution.write(json);
    Ok(Some(task_id))
}
