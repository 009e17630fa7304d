-- zh: 每个地块哪些天土是冻着的？
-- en: On which days was the soil of each plot frozen?
select
    plot_id,
    date,
    sum(frozen) as frozen_readings,
    min(frozen_c) as soil_temperature_c,
from gates_daily
where frozen > 0 and plot_id is not null
group by plot_id, date
order by plot_id, date
