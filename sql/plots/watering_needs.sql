-- The water that a plot needs, with every step of the sum.
--
-- Grain: plot whose root zone is known by water content, dry or not: a campaign waters moist plots, too
-- As of: readings and forecasts up to as_of
-- Reads: drought_findings, site_facts, rain_outlook, limits
-- Feeds: drought_flags, campaign_findings
-- Kept as: table
--
-- Net = max(0, Dr - refill_to_share x TAW) carried from the covered depth to the whole root zone, less the rain that is
-- likely where [water] forecast_rain says reduce; gross = net / (Ea (1 - LR)); litres = gross x watered area (1 mm on
-- 1 m2 is 1 L): the tree pits, or area x wetted fraction. LR = ECw / (5 ECe - ECw), with the plot's own salinities
-- before those of the installation, leaching_requirement where one is unknown, and held at leaching_max. Is put off
-- means: likely rain is waited for, because the setting says cancel or nothing is left; never where severity is 4.
-- Usual water is that of a tree where the plot has tree pits, else that of a square metre of its vegetation.
with salts as (
    select
        drought_findings.plot_id,
        coalesce(drought_findings.water_ec_ds_m, site_facts.water_ec_ds_m) as water_ec_ds_m,
        coalesce(drought_findings.soil_ece_ds_m, site_facts.soil_ece_ds_m) as soil_ece_ds_m,
        site_facts.forecast_rain,
    from drought_findings
    cross join site_facts
),

leachings as (
    select
        salts.*,
        case
            when salts.water_ec_ds_m > 0 and salts.soil_ece_ds_m > 0
                then
                    case
                        when
                            salts.water_ec_ds_m
                            > limits.leaching_max * (5 * salts.soil_ece_ds_m - salts.water_ec_ds_m)
                            then limits.leaching_max
                        else salts.water_ec_ds_m / (5 * salts.soil_ece_ds_m - salts.water_ec_ds_m)
                    end
            else limits.leaching_requirement
        end as leaching_requirement,
        coalesce(
            salts.soil_ece_ds_m > 0
            and salts.water_ec_ds_m > limits.leaching_max * (5 * salts.soil_ece_ds_m - salts.water_ec_ds_m), false
        ) as is_leaching_held,
    from salts
    cross join limits
),

nets as (
    select
        drought_findings.plot_id,
        drought_findings.efficiency,
        drought_findings.watered_m2,
        drought_findings.tree_pits,
        drought_findings.visit_max_mm,
        case
            when drought_findings.tree_pits > 0 then limits.usual_litres_tree_low
            else drought_findings.usual_litres_m2_low
        end as usual_litres_low,
        case
            when drought_findings.tree_pits > 0 then limits.usual_litres_tree_high
            else drought_findings.usual_litres_m2_high
        end as usual_litres_high,
        leachings.water_ec_ds_m,
        leachings.soil_ece_ds_m,
        leachings.leaching_requirement,
        leachings.is_leaching_held,
        limits.refill_to_share,
        limits.usual_water_slack,
        greatest(
            0,
            drought_findings.depletion_mm - limits.refill_to_share * drought_findings.total_available_water_mm
        ) * drought_findings.root_zone_m / drought_findings.covered_m as lacking_mm,
        rain_outlook.is_likely and leachings.forecast_rain <> 'proceed' and drought_findings.severity < 4
            as is_rain_waited_for,
        leachings.forecast_rain,
        case when rain_outlook.is_known then rain_outlook.rain_mm end as forecast_rain_mm,
        case when rain_outlook.is_known then rain_outlook.probability_pct end as rain_probability_pct,
        case
            when rain_outlook.is_likely and leachings.forecast_rain = 'reduce' and drought_findings.severity < 4
                then rain_outlook.rain_mm
            else 0
        end as counted_rain_mm,
    from drought_findings
    cross join limits
    cross join rain_outlook
    inner join leachings on drought_findings.plot_id = leachings.plot_id
    where drought_findings.quantity = 'water_content' and drought_findings.covered_m > 0
),

reduced as (
    select
        nets.*,
        case
            when nets.is_rain_waited_for and nets.forecast_rain = 'cancel' then 0
            else greatest(nets.lacking_mm - nets.counted_rain_mm, 0)
        end as net_mm,
    from nets
),

grosses as (
    select
        reduced.*,
        reduced.net_mm / (reduced.efficiency * (1 - reduced.leaching_requirement)) as gross_mm,
        reduced.is_rain_waited_for and reduced.net_mm = 0 and reduced.lacking_mm > 0 as is_put_off,
    from reduced
),

amounts as (
    select
        grosses.*,
        grosses.gross_mm * grosses.watered_m2 as litres,
        case
            when grosses.tree_pits > 0 then grosses.gross_mm * grosses.watered_m2 / grosses.tree_pits
            else grosses.gross_mm
        end as litres_of_one,
    from grosses
)

select
    plot_id,
    lacking_mm,
    net_mm,
    gross_mm,
    litres,
    watered_m2,
    tree_pits,
    cast(greatest(1, coalesce(ceil(round(gross_mm / visit_max_mm, 9)), 1)) as smallint) as visits,
    usual_litres_low,
    usual_litres_high,
    is_leaching_held
    or (
        not is_put_off
        and counted_rain_mm = 0
        and coalesce(
            litres_of_one < usual_litres_low / usual_water_slack
            or litres_of_one > usual_litres_high * usual_water_slack,
            false
        )
    ) as is_unusual,
    leaching_requirement,
    is_leaching_held,
    water_ec_ds_m,
    soil_ece_ds_m,
    refill_to_share,
    forecast_rain,
    forecast_rain_mm,
    rain_probability_pct,
    counted_rain_mm,
    is_put_off,
from amounts
