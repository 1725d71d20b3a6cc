//! Places in FROM: `SELECT … FROM 's3://lake/*.parquet'`. Each becomes a table with a plain name.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, visit_relations_mut};

use super::check::one_query;
use crate::error::{Error, Result};

/// The statement with names in place of places, and the places by name. The first place in the
/// statement is named `input`, the others `table_2`, `table_3`, …
///
/// # Errors
/// `Usage`: no query, or no place in it.
pub fn take_paths(sql: &str) -> Result<(String, Vec<(String, String)>)> {
    let statement = one_query(sql)?;
    let Statement::Statement(mut query) = statement else {
        return Err(Error::usage("the statement is no query"));
    };
    let mut places: Vec<(String, String)> = Vec::new();
    let _ = visit_relations_mut(&mut query, |relation: &mut ObjectName| {
        if let [ObjectNamePart::Identifier(Ident { value, quote_style: Some(quote), .. })] =
            relation.0.as_slice()
            && (*quote == '\'' || value.contains(['/', '.', '*']))
        {
            let place = value.clone();
            let name = match places.iter().find(|(_, p)| *p == place) {
                Some((name, _)) => name.clone(),
                None => {
                    let name = if places.is_empty() {
                        "input".to_owned()
                    } else {
                        format!("table_{}", places.len() + 1)
                    };
                    places.push((name.clone(), place));
                    name
                }
            };
            *relation = ObjectName::from(vec![Ident::new(name)]);
        }
        ControlFlow::<()>::Continue(())
    });
    Ok((query.to_string(), places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_tables() {
        let (sql, places) =
            take_paths("SELECT * FROM 'a/*.parquet' x JOIN 's3://b/c.csv' USING (k) WHERE k IN (SELECT k FROM 'a/*.parquet')")
                .unwrap();
        assert_eq!(sql, "SELECT * FROM input x JOIN table_2 USING(k) WHERE k IN (SELECT k FROM input)");
        assert_eq!(
            places,
            [
                ("input".to_owned(), "a/*.parquet".to_owned()),
                ("table_2".to_owned(), "s3://b/c.csv".to_owned())
            ]
        );
        assert_eq!(take_paths("SELECT * FROM 'lake'").unwrap().1, [("input".to_owned(), "lake".to_owned())]);
        assert_eq!(take_paths("SELECT * FROM \"lake\"").unwrap().1, []);
        assert_eq!(take_paths("SELECT 1").unwrap().1, []);
        assert!(take_paths("DROP TABLE x").is_err());
    }
}
