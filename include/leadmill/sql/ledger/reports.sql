-- name: sends_by_state
-- How many sends are in each state, of one campaign or (null) of all that are not deleted?
select s.state, count(*) as sends
from ledger.sends s join ledger.campaigns c using (campaign_id)
where c.status <> 'deleted' and (:campaign_id::bigint is null or s.campaign_id = :campaign_id::bigint)
group by s.state;
