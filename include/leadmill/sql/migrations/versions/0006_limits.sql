-- Limits on four levels: mailbox, sending domain, provider account, recipient domain; and a day that is no burst.

alter table ledger.provider_accounts
  add column spread text check (spread in ('even', 'as_fast_as_possible')),  -- null: by each mailbox's daily limit
  add column others_sent_24h integer not null default 0 check (others_sent_24h >= 0);  -- of the provider's count, not ours

alter table ledger.mailboxes
  add column spread_until timestamptz;        -- earliest next claim, from the even spread of its day

-- Groups of recipient domains that one receiver runs, and how many mails an hour it gets from one sending domain.
create table ledger.recipient_families (
  family text primary key check (family ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  hourly_limit integer check (hourly_limit >= 0),  -- null: no limit
  updated_at timestamptz not null default now()
);

create table ledger.recipient_domains (
  domain text primary key check (domain = lower(domain) and domain ~ '^[^@[:space:]]+[.][^@[:space:]]+$'),
  family text not null references ledger.recipient_families on delete cascade
);
create index recipient_domains_family on ledger.recipient_domains (family);

-- What a sending domain sent to a limited family, by hour; taken in the claiming transaction.
create table ledger.recipient_usage (
  domain_id bigint not null references ledger.sending_domains,
  family text not null references ledger.recipient_families on delete cascade,
  hour timestamptz not null,
  taken integer not null default 0 check (taken >= 0),
  primary key (domain_id, hour, family)
);

-- Our choice, for a sending domain with some reputation: far from what receivers call bulk for an outreach domain with
-- 120 mails a day, and a fence for a newsletter's until its admin knows better. No receiver publishes an hourly number.
insert into ledger.recipient_families (family, hourly_limit) values
  ('gmail', 1200), ('microsoft', 600), ('yahoo', 600), ('apple', 600), ('gmx', 300), ('mailru', 300), ('proton', 300);

insert into ledger.recipient_domains (family, domain)
select family, unnest(domains) from (values
  ('gmail', '{gmail.com,googlemail.com}'::text[]),
  ('microsoft', '{outlook.com,hotmail.com,live.com,msn.com,outlook.de,outlook.fr,outlook.es,outlook.it,outlook.in,
    outlook.com.br,outlook.co.id,outlook.jp,outlook.pt,outlook.dk,outlook.be,outlook.at,outlook.ie,hotmail.co.uk,hotmail.fr,
    hotmail.de,hotmail.it,hotmail.es,hotmail.be,hotmail.nl,hotmail.se,hotmail.no,hotmail.dk,hotmail.ch,hotmail.com.br,
    hotmail.com.ar,hotmail.com.tr,hotmail.co.jp,live.co.uk,live.fr,live.de,live.it,live.nl,live.be,live.se,live.no,live.dk,
    live.at,live.ca,live.cn,live.in,live.com.au,live.com.mx,live.com.pt,live.jp,passport.com,windowslive.com}'),
  ('yahoo', '{yahoo.com,ymail.com,rocketmail.com,aol.com,aim.com,verizon.net,yahoo.co.uk,yahoo.fr,yahoo.de,yahoo.it,
    yahoo.es,yahoo.ca,yahoo.ie,yahoo.gr,yahoo.pl,yahoo.ro,yahoo.se,yahoo.no,yahoo.dk,yahoo.at,yahoo.be,yahoo.nl,yahoo.pt,
    yahoo.in,yahoo.co.in,yahoo.co.id,yahoo.co.nz,yahoo.co.za,yahoo.co.th,yahoo.com.br,yahoo.com.ar,yahoo.com.mx,
    yahoo.com.au,yahoo.com.sg,yahoo.com.hk,yahoo.com.tw,yahoo.com.vn,yahoo.com.ph,yahoo.com.my,yahoo.com.tr,aol.co.uk,
    aol.de,aol.fr}'),
  ('apple', '{icloud.com,me.com,mac.com}'),
  ('gmx', '{gmx.de,gmx.net,gmx.at,gmx.ch,gmx.com,gmx.co.uk,gmx.fr,gmx.es,gmx.org,web.de,mail.com,email.de}'),
  ('mailru', '{mail.ru,bk.ru,inbox.ru,list.ru,internet.ru}'),
  ('proton', '{proton.me,protonmail.com,protonmail.ch,pm.me}')
) as known(family, domains);
