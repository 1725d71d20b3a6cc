//! Kinds of objects of the API server.

use serde_json::Value;

use crate::error::{Error, Result};

/// Kinds of objects that dp looks at or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// `v1 ConfigMap`.
    ConfigMap,
    /// `v1 Event`.
    Event,
    /// `batch/v1 CronJob`.
    CronJob,
    /// `batch/v1 Job`.
    Job,
    /// `v1 Namespace`.
    Namespace,
    /// `v1 Node`.
    Node,
    /// `v1 Pod`.
    Pod,
    /// `rbac.authorization.k8s.io/v1 Role`.
    Role,
    /// `rbac.authorization.k8s.io/v1 RoleBinding`.
    RoleBinding,
    /// `v1 Secret`: only whether it is there.
    Secret,
    /// `v1 ServiceAccount`.
    ServiceAccount,
}

impl Object {
    const ALL: [Self; 11] = [
        Self::ConfigMap,
        Self::CronJob,
        Self::Event,
        Self::Job,
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::Role,
        Self::RoleBinding,
        Self::Secret,
        Self::ServiceAccount,
    ];

    /// Group and version, plural, kind.
    pub(super) const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ConfigMap => ("api/v1", "configmaps", "ConfigMap"),
            Self::Event => ("api/v1", "events", "Event"),
            Self::CronJob => ("apis/batch/v1", "cronjobs", "CronJob"),
            Self::Job => ("apis/batch/v1", "jobs", "Job"),
            Self::Namespace => ("api/v1", "namespaces", "Namespace"),
            Self::Node => ("api/v1", "nodes", "Node"),
            Self::Pod => ("api/v1", "pods", "Pod"),
            Self::Role => ("apis/rbac.authorization.k8s.io/v1", "roles", "Role"),
            Self::RoleBinding => ("apis/rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
            Self::Secret => ("api/v1", "secrets", "Secret"),
            Self::ServiceAccount => ("api/v1", "serviceaccounts", "ServiceAccount"),
        }
    }

    /// The name of many, as in rights.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        self.names().1
    }

    /// Its kind, as in YAML.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        self.names().2
    }

    /// The kind of an object.
    ///
    /// # Errors
    /// `Internal`: none that dp makes.
    pub fn of(object: &Value) -> Result<Self> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let found = Self::ALL.into_iter().find(|k| k.names().2 == kind);
        found.ok_or_else(|| Error::internal(format!("objects of kind '{kind}' are not made by dp")))
    }
}
