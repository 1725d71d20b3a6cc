//! What a Job does with a pod that failed: made from the one table of errors.

use serde_json::{Value, json};

use crate::error::{Kind, Retry};

/// The name of the container in all pods; rules look at its exit code.
pub const CONTAINER: &str = "dp";

/// `podFailurePolicy`. A disruption (eviction, preemption, a drained or lost node) is nobody's fault and
/// comes first: the container of such a pod has an exit code too. `per_index`: the Job counts failures
/// by index; then bad data costs its index only.
#[must_use]
pub fn pod_failure_policy(per_index: bool) -> Value {
    let codes = |retry: Retry| -> Vec<u8> {
        let mut codes: Vec<u8> =
            Kind::ALL.into_iter().filter(|k| k.retry() == retry).map(Kind::exit_code).collect();
        codes.sort_unstable();
        codes
    };
    let rule = |action: &str, codes: &[u8]| {
        json!({
            "action": action,
            "onExitCodes": { "containerName": CONTAINER, "operator": "In", "values": codes },
        })
    };
    let ignore =
        json!({ "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] });
    let (run, shard) = (codes(Retry::FailRun), codes(Retry::FailShard));
    let rules = if per_index {
        vec![ignore, rule("FailJob", &run), rule("FailIndex", &shard)]
    } else {
        let mut both = [run, shard].concat();
        both.sort_unstable();
        vec![ignore, rule("FailJob", &both)]
    };
    json!({ "rules": rules })
}

/// Adds to a policy that a pod which ends as interrupted does not count: it makes room for those that it
/// waits for, and is made again.
pub fn ignore_interrupted(policy: &mut Value) {
    let rule = json!({
        "action": "Ignore",
        "onExitCodes": {
            "containerName": CONTAINER, "operator": "In", "values": [Kind::Interrupted.exit_code()],
        },
    });
    if let Some(rules) = policy["rules"].as_array_mut() {
        rules.push(rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_is_not_tried_again_has_a_rule() {
        for per_index in [true, false] {
            let policy = pod_failure_policy(per_index);
            let rules = policy["rules"].as_array().unwrap();
            assert_eq!(rules[0]["action"], "Ignore");
            for kind in Kind::ALL {
                let named = |rule: &&Value| {
                    rule["onExitCodes"]["values"]
                        .as_array()
                        .is_some_and(|v| v.iter().any(|c| c == kind.exit_code()))
                };
                let action = rules.iter().find(named).map(|r| r["action"].as_str().unwrap());
                let want = match kind.retry() {
                    Retry::FailShard if per_index => Some("FailIndex"),
                    Retry::FailRun | Retry::FailShard => Some("FailJob"),
                    Retry::Again => None,
                };
                assert_eq!(action, want, "{kind:?}");
            }
        }
    }
}
