-- zh: 每个地块一共有多少天是旱的？冻着的天另算。
-- en: How many days was each plot dry, days of frozen soil counted apart?
--
-- A frozen day is one whose soil was frozen or is thawing, whatever it read. Days without a reading that counts are not
-- judged, and not here: frozen_days_by_plot has those of ice.
with judged as (
    select
        plot_id,
        date,
        state,
        is_frozen,
        1 as place,
    from root_zone_daily
    union all
    select
        plot_id,
        date,
        state,
        is_frozen,
        2 as place,
    from potential_daily
),

days as (
    select
        plot_id,
        date,
        min_by(coalesce(state, ''), place) as state,
        bool_or(is_frozen) as is_frozen,
    from judged
    group by plot_id, date
)

select
    plot_id,
    count(*) as judged_days,
    count(case when state = 'dry' then 1 end) as dry_days,
    count(case when is_frozen then 1 end) as frozen_days,
from days
group by plot_id
order by dry_days desc, plot_id asc
