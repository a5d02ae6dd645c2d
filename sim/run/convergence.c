/* What changed since the last fault or heal, without judging what caused what: the windows, and who reads which event.
 */
#include "run/convergence_private.h"

static int destroy(struct vc_convergence *convergence)
{
    json_decref(convergence->state);
    json_decref(convergence->done);
    json_decref(convergence->carried);
    for (size_t i = 0; i < convergence->course_count; i++)
        json_decref(convergence->courses[i].prefixes);
    return 0;
}

struct vc_convergence *vc_convergence_new(void *ctx)
{
    struct vc_convergence *convergence = talloc_zero(ctx, struct vc_convergence);

    convergence->state = json_object();
    convergence->done = json_array();
    convergence->carried = json_array();
    talloc_set_destructor(convergence, destroy);
    return convergence;
}

static void begin(struct vc_convergence *convergence, const json_t *event, bool heal)
{
    if (convergence->begun)
        json_array_append_new(convergence->done, convergence_chain(convergence));
    talloc_free(convergence->window);
    convergence->window = talloc_new(convergence);
    convergence->begun = true;
    convergence->sights = NULL;
    convergence->sight_count = 0;
    convergence->trigger = (struct trigger){
        .name = talloc_asprintf(convergence->window, "%s%s", heal ? "heal " : "", text_of(event, "name")),
        .heal = heal,
        .applied_ns = number_of(event, "t_ns"),
        .proved_ns = -1,
        .evidence = "",
    };
    for (size_t i = 0; i < convergence->course_count; i++) {
        convergence->courses[i].touched = false;
        convergence->courses[i].path = NULL;
    }
}

/* Nothing in a node that is off can tell that it fell; when it is back, its "up" shall be a change. */
static void forget_node(struct vc_convergence *convergence, const char *node)
{
    VC_AUTO_TALLOC char *part = talloc_asprintf(NULL, "|%s|", node);
    const char *key;
    json_t *value;

    json_object_foreach(convergence->state, key, value) if (strstr(key, part))
        json_object_set_new(convergence->state, key, json_false());
}

static void on_applied(struct vc_convergence *convergence, const json_t *event)
{
    begin(convergence, event, false);
    if ((is(event, "kind", "power-off") || is(event, "kind", "misconfigure")) && *text_of(event, "node"))
        forget_node(convergence, text_of(event, "node"));
}

static void on_heal_applied(struct vc_convergence *convergence, const json_t *event)
{
    begin(convergence, event, true);
    if (is(event, "kind", "misconfigure") && *text_of(event, "node"))
        forget_node(convergence, text_of(event, "node"));
}

static void prove(struct vc_convergence *convergence, const json_t *event, const char *before)
{
    struct trigger *trigger = &convergence->trigger;
    size_t length = strlen(before);

    /* One that is proved after the next began belongs to a closed chain. */
    if (!convergence->begun || trigger->proved_ns >= 0 || strncmp(trigger->name, before, length) != 0 ||
        !is(event, "name", trigger->name + length))
        return;
    trigger->proved_ns = number_of(event, "t_ns");
    trigger->evidence = convergence_keep(convergence, text_of(event, "evidence"));
}

static void on_proved(struct vc_convergence *convergence, const json_t *event)
{
    if (!convergence->trigger.heal)
        prove(convergence, event, "");
}

static void on_healed(struct vc_convergence *convergence, const json_t *event)
{
    if (convergence->trigger.heal)
        prove(convergence, event, "heal ");
}

void vc_convergence_event(struct vc_convergence *convergence, const json_t *event)
{
    static const struct {
        const char *layer, *what;
        void (*fn)(struct vc_convergence *convergence, const json_t *event);
    } handlers[] = {
        {"check", "plan", convergence_plan},
        {"fault", "applied", on_applied},
        {"fault", "proved", on_proved},
        {"fault", "heal-applied", on_heal_applied},
        {"fault", "healed", on_healed},
        {"probe", "path", convergence_path},
        {"probe", "outage-begin", convergence_outage_begin},
        {"probe", "gap", convergence_gap},
    };

    for (size_t i = 0; i < VC_COUNT(handlers); i++)
        if (is(event, "layer", handlers[i].layer) && is(event, "what", handlers[i].what))
            handlers[i].fn(convergence, event);
    convergence_sight(convergence, event);
}

json_t *vc_convergence_json(const struct vc_convergence *convergence)
{
    json_t *all = json_copy(convergence->done);

    if (convergence->begun)
        json_array_append_new(all, convergence_chain(convergence));
    return all;
}
