"""What each condition and each reason means, for the reference page and for ``vertice status``."""

from __future__ import annotations

from collections.abc import Mapping

from vertice_operator.api.conditions import ConditionStatus, ConditionType, Reason

T, F, U = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

CONDITIONS: Mapping[ConditionType, str] = {
    ConditionType.READY: "The summary: everything below is as the spec says, as far as the bot's "
    "work depends on it. `kubectl wait --for=condition=Ready` waits for it.",
    ConditionType.SPEC_ACCEPTED: "The spec makes sense and can be carried out here.",
    ConditionType.SECRETS_RESOLVED: "Every Secret that is referenced exists and has its keys.",
    ConditionType.WORKLOAD_AVAILABLE: "Enough pods are ready.",
    ConditionType.ROLLED_OUT: "All pods run the newest revision.",
    ConditionType.SHARDS_OWNED: "Every shard is owned by a replica.",
    ConditionType.DATABASE_MIGRATED: "The database schema is what the bot's version needs.",
    ConditionType.AUTOSCALING_READY: "The autoscaler works, or is off.",
    ConditionType.MONITORING_READY: "Monitoring objects are applied, or off.",
    ConditionType.NETWORK_RESTRICTED: "The NetworkPolicy is applied, or off.",
    ConditionType.DEGRADED: "Something that the running bot depends on is impaired. True is bad "
    "here.",
    ConditionType.PAUSED: "The annotation vertice.dev/paused keeps the operator from changing "
    "anything. True says that it does.",
}

REASONS: Mapping[ConditionType, Mapping[Reason, tuple[ConditionStatus, str]]] = {
    ConditionType.READY: {
        Reason.ALL_COMPONENTS_READY: (T, "Everything is as the spec says."),
        Reason.RECONCILING: (U, "The operator has not finished looking at this generation."),
        Reason.INVALID_SPEC: (F, "The spec is refused; SpecAccepted names the field."),
        Reason.NAME_CONFLICT: (F, "An object of a needed name belongs to somebody else."),
        Reason.DEPENDENCIES_MISSING: (F, "A Secret or a needed API is missing."),
        Reason.TOKEN_CONFLICT: (F, "An older resource runs with the same token."),
        Reason.ROLLOUT_IN_PROGRESS: (F, "A new revision is rolling out."),
        Reason.WORKLOAD_UNAVAILABLE: (F, "Too few pods are ready; WorkloadAvailable says why."),
        Reason.MIGRATION_FAILED: (F, "The database could not be migrated."),
        Reason.SHARDS_UNOWNED: (F, "Shards are without an owner; their guilds get nothing."),
        Reason.SUSPENDED: (F, "spec.suspend is on; set it to false to start the bot."),
        Reason.DELETING: (F, "The resource is being deleted."),
        Reason.RECONCILE_FAILED: (F, "The Kubernetes API refused a change; the message has it."),
        Reason.STATUS_UNREACHABLE: (U, "No pod answers on /statusz; shards may be unowned."),
        Reason.WAITING: (U, "No pod runs yet."),
        Reason.UNSUPPORTED_BOT_VERSION: (F, "SpecAccepted says which version."),
        Reason.UNSUPPORTED_KUBERNETES_VERSION: (F, "SpecAccepted says what is too old."),
    },
    ConditionType.SPEC_ACCEPTED: {
        Reason.VALID: (T, "The spec is good."),
        Reason.INVALID_SPEC: (F, "A field is wrong; the message has its path and what to do."),
        Reason.NAME_CONFLICT: (
            F,
            (
                "An object of a needed name exists and is not this bot's: rename the bot, or "
                "delete the object. It is never taken over."
            ),
        ),
        Reason.UNSUPPORTED_BOT_VERSION: (F, "This operator cannot run that version of the bot."),
        Reason.UNSUPPORTED_KUBERNETES_VERSION: (F, "The cluster is too old for what is asked."),
    },
    ConditionType.SECRETS_RESOLVED: {
        Reason.RESOLVED: (T, "All are there."),
        Reason.SECRET_NOT_FOUND: (
            F,
            (
                "The named Secret does not exist in this namespace; or, with SecretsStoreCSI, the "
                "cluster has no CSI driver."
            ),
        ),
        Reason.SECRET_KEY_MISSING: (F, "The Secret exists and lacks the named key."),
        Reason.EXTERNAL_SECRET_NOT_SYNCED: (F, "External Secrets has not written the Secret yet."),
        Reason.TOKEN_CONFLICT: (
            F,
            (
                "An older resource uses the same bot token. This one is held: two fleets with one "
                "token would handle every event twice."
            ),
        ),
    },
    ConditionType.WORKLOAD_AVAILABLE: {
        Reason.MINIMUM_REPLICAS_AVAILABLE: (T, "Enough pods are ready."),
        Reason.MINIMUM_REPLICAS_UNAVAILABLE: (F, "Too few pods are ready."),
        Reason.IMAGE_PULL_FAILED: (
            F,
            "The image cannot be pulled; check its name and pullSecrets.",
        ),
        Reason.CRASH_LOOPING: (
            F,
            "A container ends again and again; the message has its last words.",
        ),
        Reason.CONFIGURATION_REFUSED: (F, "The bot refused its configuration (exit code 2)."),
        Reason.TOKEN_REFUSED: (
            F,
            (
                "Discord refused the token or an intent (exit code 69): renew the token in its "
                "Secret, or switch the intent on in the developer portal."
            ),
        ),
        Reason.OUT_OF_MEMORY: (F, "A container used more than its memory limit and was killed."),
        Reason.QUOTA_EXCEEDED: (F, "A ResourceQuota or LimitRange forbids the pods."),
        Reason.PODS_REFUSED: (
            F,
            "The namespace refuses the pods: an admission policy, a webhook or Pod Security.",
        ),
        Reason.UNSCHEDULABLE: (F, "No node has room or matches."),
        Reason.SUSPENDED: (F, "spec.suspend is on."),
    },
    ConditionType.ROLLED_OUT: {
        Reason.UP_TO_DATE: (T, "All pods run the newest revision."),
        Reason.UPDATE_AVAILABLE: (
            T,
            (
                "All pods run what is asked for, and a newer operator would do otherwise: set "
                "image, restartAt or rollout.adoptOperatorDefaults to have it."
            ),
        ),
        Reason.ROLLOUT_IN_PROGRESS: (
            U,
            "Pods are being replaced, or wait for what the message names. Ready stays as it is.",
        ),
        Reason.PROGRESS_DEADLINE_EXCEEDED: (F, "The roll-out made no progress in time."),
        Reason.ROLLED_BACK: (F, "The roll-out failed, and the last good revision runs again."),
        Reason.MIGRATION_FAILED: (F, "The roll-out waits for a migration that failed."),
    },
    ConditionType.SHARDS_OWNED: {
        Reason.ALL_SHARDS_OWNED: (T, "Every shard has an owner."),
        Reason.FEWER_SHARDS_THAN_RECOMMENDED: (
            T,
            (
                "Every shard has an owner, and Discord recommends more shards than there are. It "
                "refuses a bot with more than 2,500 guilds a shard."
            ),
        ),
        Reason.SHARDS_UNOWNED: (F, "Shards have no owner; status.shards.unowned lists them."),
        Reason.STATUS_UNREACHABLE: (U, "No pod answers on /statusz."),
        Reason.WAITING: (U, "No pod runs, or a roll-out is on its way."),
    },
    ConditionType.DATABASE_MIGRATED: {
        Reason.AT_HEAD: (T, "The schema is current."),
        Reason.MIGRATION_RUNNING: (U, "The migration Job runs."),
        Reason.MIGRATION_FAILED: (F, "The migration Job failed or cannot start; see its message."),
        Reason.SCHEMA_MISMATCH: (
            F,
            (
                "The migration is done and the pods miss its schema: the database was lost, "
                "replaced or restored. The message says how to migrate it again."
            ),
        ),
        Reason.NOT_CONFIGURED: (U, "database.migrations is not Job: somebody else migrates."),
    },
    ConditionType.AUTOSCALING_READY: {
        Reason.ACTIVE: (T, "The autoscaler acts on metrics."),
        Reason.DISABLED: (T, "autoscaling.enabled is off."),
        Reason.METRICS_API_MISSING: (F, "Nothing serves metrics.k8s.io: install metrics-server."),
        Reason.HPA_UNABLE_TO_SCALE: (
            F,
            "The HPA, or KEDA, says that it cannot scale; the message has why.",
        ),
        Reason.KEDA_MISSING: (F, "KEDA is not installed."),
        Reason.LIMITED_BY_SHARDS: (
            F,
            "maxReplicas is more than shards plus standby: more replicas would be idle.",
        ),
    },
    ConditionType.MONITORING_READY: {
        Reason.APPLIED: (T, "All monitoring objects are applied."),
        Reason.DISABLED: (T, "monitoring.enabled is off."),
        Reason.MONITORING_CRDS_MISSING: (
            F,
            (
                "A monitoring kind is not installed. The bot runs; what is missing is made within "
                "a minute of its kind appearing."
            ),
        ),
        Reason.RULE_REJECTED: (F, "The cluster refused an object; the message has why."),
    },
    ConditionType.NETWORK_RESTRICTED: {
        Reason.APPLIED: (T, "The NetworkPolicy is applied."),
        Reason.DISABLED: (T, "networkPolicy.enabled is off: the pods may talk to anybody."),
        Reason.FQDN_UNSUPPORTED: (F, "networkPolicy.fqdn is on and the cluster has no such kind."),
        Reason.RECONCILE_FAILED: (F, "The cluster refused the policy; the message has why."),
    },
    ConditionType.DEGRADED: {
        Reason.AS_EXPECTED: (F, "Nothing is impaired."),
        Reason.DEPENDENCY_CIRCUIT_OPEN: (T, "Postgres or Redis does not answer the bot."),
        Reason.DISCORD_OUTAGE: (T, "The bot cannot reach Discord. Do not restart it."),
        Reason.IDENTIFY_BUDGET_LOW: (T, "Few IDENTIFYs are left today; avoid restarts."),
    },
    ConditionType.PAUSED: {
        Reason.PAUSED_BY_ANNOTATION: (T, "The operator leaves all objects as they are."),
        Reason.NOT_PAUSED: (F, "The operator works."),
    },
}
"""Reasons of each condition, the status that goes with them, and what they mean."""
