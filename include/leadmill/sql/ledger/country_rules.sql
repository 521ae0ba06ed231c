-- name: country_rules
-- Every country's rule with its override.
select country, accepts_legal_bases, needs, version, override_legal_bases, override_reason, overridden_by, overridden_at
from ledger.country_rules order by country;

-- name: override_country_rule^
-- Put an admin's decision in place of a country's rule (null: the rule holds again); a country without a row gets one.
insert into ledger.country_rules as r (country, accepts_legal_bases, needs, version,
  override_legal_bases, override_reason, overridden_by, overridden_at)
select :country::text, o.accepts_legal_bases, o.needs, o.version,
  :legal_bases::text[], :reason::text, :actor::text, :as_of::timestamptz
from ledger.country_rules o
where o.country = coalesce((select c.country from ledger.country_rules c where c.country = :country::text), 'ZZ')
on conflict (country) do update
set override_legal_bases = excluded.override_legal_bases, override_reason = excluded.override_reason,
  overridden_by = excluded.overridden_by, overridden_at = excluded.overridden_at
returning country;

-- name: withdraw_against_rules
-- Which planned sends go to leads whose legal basis their campaign's pool, or their country's rule, bars (any more)? Waits
-- for a claim that has them in its hands: what it puts back must not be forgotten.
with barred as (
  select s.send_id, case when l.legal_basis <> all(p.accepts_legal_bases) then 'policy' else 'policy_country' end as code
  from ledger.sends s
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  join ledger.pools p on p.pool_id = c.pool_id
  join ledger.leads l on l.lead_id = s.lead_id
  left join ledger.country_policy own on own.country = l.country
  join ledger.country_policy other on other.country = 'ZZ'
  where s.state = 'planned' and (l.legal_basis <> all(p.accepts_legal_bases)
    or ledger.country_bars(l.legal_basis, l.company, l.job_title, l.email_domain,
      coalesce(own.accepts, other.accepts), coalesce(own.needs, other.needs)))
  order by s.send_id for no key update of s
)
update ledger.sends s set state = 'suppressed', code = barred.code, state_changed_at = :as_of::timestamptz
from barred where s.send_id = barred.send_id and s.state = 'planned'
returning s.send_id;

-- name: withdraw_of_lead_file!
-- The same of the leads that a file has just brought up to date, in its own transaction: nobody is mailed in between.
with barred as (
  select s.send_id, case when l.legal_basis <> all(p.accepts_legal_bases) then 'policy' else 'policy_country' end as code
  from ledger.leads l
  join ledger.sends s on s.lead_id = l.lead_id
  join ledger.campaigns c on c.campaign_id = s.campaign_id
  join ledger.pools p on p.pool_id = c.pool_id
  left join ledger.country_policy own on own.country = l.country
  join ledger.country_policy other on other.country = 'ZZ'
  where l.lead_file_id = :lead_file_id::bigint and s.state = 'planned' and (l.legal_basis <> all(p.accepts_legal_bases)
    or ledger.country_bars(l.legal_basis, l.company, l.job_title, l.email_domain,
      coalesce(own.accepts, other.accepts), coalesce(own.needs, other.needs)))
  order by s.send_id for no key update of s
)
update ledger.sends s set state = 'suppressed', code = barred.code, state_changed_at = :as_of::timestamptz
from barred where s.send_id = barred.send_id and s.state = 'planned';
