//! An Arrow schema as JSON text: the Arrow IPC schema message in base-16, so that every type and
//! its parameters survive.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::{IpcSchemaEncoder, fb_to_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
struct Form {
    /// For people: `name type` pairs.
    columns: Vec<String>,
    /// For dp.
    ipc: String,
}

pub(super) fn serialize<S: Serializer>(schema: &SchemaRef, to: S) -> Result<S::Ok, S::Error> {
    let columns = schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    let bytes = IpcSchemaEncoder::new().schema_to_fb(schema);
    let ipc = bytes.finished_data().iter().map(|b| format!("{b:02x}")).collect();
    Form { columns, ipc }.serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SchemaRef, D::Error> {
    let form = Form::deserialize(from)?;
    let nibbles = form.ipc.as_bytes();
    let bytes: Option<Vec<u8>> = nibbles
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect();
    let bytes = bytes.ok_or_else(|| D::Error::custom("a schema of the plan is not hexadecimal"))?;
    let root = arrow::ipc::root_as_schema(&bytes)
        .map_err(|e| D::Error::custom(format!("a schema of the plan cannot be read: {e}")))?;
    Ok(Arc::new(fb_to_schema(root)))
}
