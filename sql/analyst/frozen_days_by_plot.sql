-- zh: 每个地块哪些天土是冻着的？
-- en: On which days was the soil of each plot frozen?
select
    plot_id,
    date,
    count(*) as frozen_readings,
    min(soil_temperature_c) as soil_temperature_c,
from readings
where is_d01_frozen and plot_id is not null
group by plot_id, date
order by plot_id, date
