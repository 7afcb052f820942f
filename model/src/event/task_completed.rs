//! `task.completed`: a task has a solution.

use super::{BuiltIn, EventType, Fields, MemberFault, built_in::TaskId, fields::write_member};
use crate::payload::Value;

pub(super) static TYPE: BuiltIn = BuiltIn {
    name: EventType::TASK_COMPLETED,
    description: "A task has finished and its solution is ready.",
    is_default: true,
    schema: r#"{"type":"object","properties":{"event":{"const":"task.completed"},"taskId":{"type":"string","minLength":1,"maxLength":255},"status":{"const":"ready"},"solution":{"type":"object"},"timestamp":{"type":"string","format":"date-time"}},"required":["event","taskId","status","solution","timestamp"],"additionalProperties":false}"#,
    sample: r#""taskId":"task_abc123","status":"ready","solution":{"token":"0.mF7gg2kQ","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}"#,
    made_here: None,
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
