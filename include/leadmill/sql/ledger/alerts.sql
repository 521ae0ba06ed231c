-- name: one_at_a_time!
-- Open and close alerts in turn until this transaction ends: who opened one while another closed it would open a second.
select pg_advisory_xact_lock(hashtextextended('leadmill opens or closes alerts', 0));

-- name: raise_alert
-- Open an alert or count one more occurrence of the open one; says whether it is new. A repeated step adds nothing.
insert into ledger.alerts as a (kind, severity, subject, message, dedupe_key, first_at, last_at)
select :kind::text, :severity::text, :subject::text, :message::text, :dedupe_key::text,
       :as_of::timestamptz, :as_of::timestamptz
where not exists (
  select from ledger.alerts past
  where past.dedupe_key = :dedupe_key::text and past.resolved_at is not null and past.last_at >= :as_of::timestamptz
)
on conflict (dedupe_key) where resolved_at is null do update set
  occurrences = a.occurrences + (excluded.last_at > a.last_at)::integer,
  message = case when excluded.last_at >= a.last_at then excluded.message else a.message end,
  severity = case when excluded.last_at >= a.last_at then excluded.severity else a.severity end,
  notified_at = case when excluded.severity = 'critical' and a.severity <> 'critical' and excluded.last_at >= a.last_at
                     then null else a.notified_at end,
  notified_channels = case when excluded.severity = 'critical' and a.severity <> 'critical'
                                and excluded.last_at >= a.last_at then '{}' else a.notified_channels end,
  last_at = greatest(a.last_at, excluded.last_at)
returning xmax = 0 as is_new;

-- name: resolve_alerts_of_key
-- Close the open alert of a key, if it was opened by then.
update ledger.alerts set resolved_at = :as_of::timestamptz
where dedupe_key = :dedupe_key::text and resolved_at is null and first_at <= :as_of::timestamptz
returning alert_id;

-- name: resolve_other_alerts
-- Close the open alerts of a kind that a check does not find any more.
update ledger.alerts set resolved_at = :as_of::timestamptz
where kind = :kind::text and dedupe_key <> all(:dedupe_keys::text[]) and resolved_at is null
  and first_at <= :as_of::timestamptz
returning alert_id;

-- name: resolve_alert_by_id
-- Close one open alert by a person's decision.
update ledger.alerts set resolved_at = :as_of::timestamptz, resolved_by = :actor::text
where alert_id = :alert_id::bigint and resolved_at is null
returning alert_id, kind, subject;

-- name: find_alert
-- Whether an alert of that id exists.
select alert_id, resolved_at from ledger.alerts where alert_id = :alert_id::bigint;

-- name: open_alerts
-- What is wrong now: open alerts, the gravest and newest first.
select alert_id, kind, severity, subject, message, occurrences, first_at, last_at, notified_at, notify_error,
       resolved_at, resolved_by
from ledger.alerts
where resolved_at is null
order by array_position(array['critical', 'warning', 'info'], severity), last_at desc, alert_id desc;

-- name: recent_alerts
-- What was wrong lately: alerts opened or closed since a time, the newest first.
select alert_id, kind, severity, subject, message, occurrences, first_at, last_at, notified_at, notify_error,
       resolved_at, resolved_by
from ledger.alerts
where last_at >= :since::timestamptz or resolved_at >= :since::timestamptz
order by coalesce(resolved_at, last_at) desc, alert_id desc
limit :row_limit::integer;

-- name: claim_alerts_to_notify
-- Take alerts that nobody was told of, and closings of told ones, for one notifier until the claim ends.
update ledger.alerts a set
  notify_claimed_until = :claimed_until::timestamptz,
  notified_channels = case when a.notified_at is null then a.notified_channels
                           when a.resolved_at > a.notified_at then '{}' else a.notified_channels end,
  notified_at = null
from (
  select alert_id from ledger.alerts
  where (notify_claimed_until is null or notify_claimed_until <= :as_of::timestamptz)
    and ((notified_at is null and (resolved_at is null or resolved_at > :as_of::timestamptz - interval '1 day'))
         or (resolved_by = '' and resolved_at > notified_at and resolved_at > :as_of::timestamptz - interval '1 day'))
  order by first_at, alert_id
  limit :row_limit::integer
  for update skip locked
) due
where a.alert_id = due.alert_id
returning a.alert_id, a.kind, a.severity, a.subject, a.message, a.occurrences, a.first_at, a.last_at, a.resolved_at,
          a.notified_channels;

-- name: record_notified!
-- Note that every channel had these alerts.
update ledger.alerts set notified_at = :as_of::timestamptz, notified_channels = :channels::text[],
       notify_claimed_until = null, notify_error = ''
where alert_id = any(:alert_ids::bigint[]);

-- name: record_notify_failure!
-- Note which channels had one alert and which did not, and when to try those again.
update ledger.alerts set notified_channels = :channels::text[], notify_error = :error::text,
       notify_claimed_until = :retry_at::timestamptz
where alert_id = :alert_id::bigint;
