-- name: window_need
-- When windows were last planned (null: never), and whether a lead known at as_of has none.
select
  (select updated_at from ledger.projections where name = 'lead_windows' and position > 0) as last_at,
  exists (
    select 1 from ledger.leads l
    where l.erased_at is null and l.created_at <= :as_of::timestamptz
      and not exists (select 1 from ledger.lead_windows w where w.lead_id = l.lead_id)
  ) as has_new_leads;

-- name: clear_incoming_windows!
-- Drop what an earlier run left behind; the projection's lock makes runs take turns.
delete from ledger.incoming_windows;

-- name: upsert_lead_windows!
-- Bring each lead's send-time window up to date; leads erased meanwhile stay without.
insert into ledger.lead_windows as w
  (lead_id, time_zone, zone_source, zone_confidence, local_hours, confidence, basis, as_of)
select i.lead_id, i.time_zone, i.zone_source, i.zone_confidence, i.local_hours, i.confidence, i.basis, :as_of::timestamptz
from ledger.incoming_windows i join ledger.leads l using (lead_id)
where l.erased_at is null
on conflict (lead_id) do update set time_zone = excluded.time_zone, zone_source = excluded.zone_source,
  zone_confidence = excluded.zone_confidence, local_hours = excluded.local_hours, confidence = excluded.confidence,
  basis = excluded.basis, as_of = excluded.as_of;
